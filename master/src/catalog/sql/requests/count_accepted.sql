-- $1 pool, $2 statuses, $3 how many of each.
insert into internal.counts as c (pool, status, slot, n)
select $1, accepted.status, pg_backend_pid() % 16, accepted.n
from unnest($2::smallint[], $3::bigint[]) as accepted (status, n)
where accepted.n > 0 order by accepted.status
on conflict (pool, status, slot) do update set n = c.n + excluded.n
