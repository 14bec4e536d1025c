-- As many of each line as its limit has slots free, in the order in which they are decided on, each with all of its
-- limits that there are. $1 limits, $2 how many slots each has free, $3 how many of a line at most, $4 how many in all.
with heads as materialized (
    select w.execution_id, w.limit_id, w.priority, w.due_at
    from unnest($1::bigint[], $2::bigint[]) as room (limit_id, free)
    cross join lateral (
        select * from internal.waiting w where w.limit_id = room.limit_id
        order by w.priority, w.due_at, w.execution_id limit least(room.free, $3)
    ) as w
    order by w.priority, w.due_at, w.execution_id
    limit $4
)
select h.execution_id, h.limit_id, coalesce(e.status = 1, false) as waits,
       array(select l.id from internal.limits l
             where l.removed_at is null and l.name = any (array[e.limit_key, path.path])
             order by l.id) as limits
from heads h
left join lateral (
    select e.status, e.limit_key, e.package_id from internal.executions e where e.id = h.execution_id limit 1
) as e on true
left join lateral (
    select p.path from internal.package_paths p where p.package_id = e.package_id limit 1
) as path on true
order by h.priority, h.due_at, h.execution_id
