-- What ran before a limit was set holds its slots. $1 limit, $2 its name.
insert into internal.slots (limit_id, execution_id, due_at)
select $1, e.id, g.granted_at
from internal.grants g
cross join unnest(g.ids) as granted (id)
cross join lateral (
    select e.id, e.package_id, e.limit_key from internal.executions e
    where e.id = granted.id and e.status in (2, 8) limit 1
) as e
where e.limit_key = $2
   or $2 = (select path.path from internal.package_paths path where path.package_id = e.package_id)
on conflict do nothing
