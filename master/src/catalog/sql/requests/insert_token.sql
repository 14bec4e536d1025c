-- $1 name, $2 hash, $3 role, $4 folders (NULL: all), $5 seconds until it ends (NULL: never).
insert into internal.tokens (name, hash, role, folders, expires_at)
values ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
