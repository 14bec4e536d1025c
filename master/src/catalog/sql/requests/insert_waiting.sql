-- What is accepted and has a limit stands in its line at once. $1 priority, $2 executions, $3 the limit of each.
insert into internal.waiting (limit_id, priority, due_at, execution_id)
select rows.limit_id, $1, clock_timestamp(), rows.id
from unnest($2::uuid[], $3::bigint[]) as rows (id, limit_id)
