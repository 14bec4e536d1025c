-- What was released within a limit and is pending still, and since when it is due. $1 limit.
select e.id, s.due_at
from internal.slots s
cross join lateral (
    select e.id from internal.executions e where e.id = s.execution_id and e.status = 5 limit 1
) as e
where s.limit_id = $1
