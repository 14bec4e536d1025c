-- The executions that are retries of $1, oldest first, $2 at most; those that have gone with their day are left out.
select r.execution_id as id, e.status
from internal.retries r
join internal.executions e on e.id = r.execution_id
where r.retried = $1
order by r.execution_id
limit $2
