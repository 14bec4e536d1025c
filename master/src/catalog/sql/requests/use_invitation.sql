-- Uses an invitation up. It falls with the token that made it: a later token of that name is another one. $1 the secret's
-- hash, $2 the host.
update internal.invitations i set used_at = clock_timestamp(), used_by = $2
where i.hash = $1 and i.used_at is null and i.expires_at > clock_timestamp()
  and exists (
      select from internal.tokens t
      where t.name = i.created_by and t.role = 'admin' and t.revoked_at is null and t.created_at <= i.created_at
        and (t.expires_at is null or t.expires_at > clock_timestamp())
  )
returning i.id, i.pools
