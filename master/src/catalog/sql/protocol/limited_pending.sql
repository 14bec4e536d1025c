-- What of the next dispatch rows is pending and of this limit, and since when it is due; `id` is null where none of a
-- row is. $1 the limit's name, $2 after this row, $3 how many rows.
select row.id as row, least(row.created_at, e.due_at) as due_at, e.id
from (select * from internal.dispatches d where d.id > $2 order by d.id limit $3) as row
left join lateral (
    select e.id, (select min(s.due_at) from internal.slots s join internal.limits l on l.id = s.limit_id and l.name = $1
                  where s.execution_id = e.id) as due_at
    from unnest(row.ids) as listed (id)
    cross join lateral (
        select e.id, e.package_id, e.limit_key from internal.executions e where e.id = listed.id and e.status = 5 limit 1
    ) as e
    where e.limit_key = $1
       or $1 = (select path.path from internal.package_paths path where path.package_id = e.package_id)
) as e on true
order by row.id
