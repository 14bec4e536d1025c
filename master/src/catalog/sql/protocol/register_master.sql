insert into internal.masters as m (id, host, address, version) values ($1, $2, $3, $4)
on conflict (id) do update set seen_at = clock_timestamp(), leader = false, consuming_since = null, proved_at = null
returning lock_key
