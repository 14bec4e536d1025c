-- Executions of the packages $1 that have not ended, with at most $2 rows (one may come twice). Each is found with what
-- has to move it on, so that nothing that has ended is looked through.
select e.id, e.status
from (
    select execution_id as id from internal.due
    union all select execution_id from internal.waiting
    union all select unnest(ids) from internal.dispatches
    union all select unnest(ids) from internal.grants
) as kept
cross join lateral (
    select e.id, e.status, e.package_id from internal.executions e
    where e.id = kept.id and e.status in (1, 2, 5, 8) limit 1
) as e
where e.package_id = any ($1::bigint[])
limit $2
