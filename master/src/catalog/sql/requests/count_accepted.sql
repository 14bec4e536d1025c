insert into internal.counts as c (pool, status, slot, n)
values ($1, $3, pg_backend_pid() % 16, $2)
on conflict (pool, status, slot) do update set n = c.n + excluded.n
