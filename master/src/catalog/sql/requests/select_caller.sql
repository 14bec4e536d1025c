-- Whose token it is, also if it opens nothing any more. $1 its hash, $2 the hash of one that is bounded, $3 seconds
-- after which it is noted again that it is used.
select id, name, role, folders, revoked_at is not null as revoked,
       coalesce(expires_at <= clock_timestamp(), false) as expired,
       coalesce(used_at < clock_timestamp() - make_interval(secs => $3), true) as unnoted
from internal.tokens
where hash = $1 or hash = $2 and (folders is not null or expires_at is not null)
