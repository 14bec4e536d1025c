-- Ends with the token that made it at the latest; `least` passes null over. $1 the secret's hash, $2 pools, $3 whose token,
-- $4 seconds.
with forgotten as (delete from internal.invitations where expires_at < clock_timestamp() - interval '30 days')
insert into internal.invitations (hash, pools, created_by, expires_at)
values ($1, $2, $3, least(clock_timestamp() + make_interval(secs => $4),
    (select max(expires_at) from internal.tokens where name = $3 and revoked_at is null)))
returning expires_at
