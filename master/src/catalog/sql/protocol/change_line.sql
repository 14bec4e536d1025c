-- What waits for another limit than the one in whose line it stood keeps its place in time. $1 executions, $2 limits.
update internal.waiting w set limit_id = other.limit_id
from unnest($1::uuid[], $2::bigint[]) as other (execution_id, limit_id)
where w.execution_id = other.execution_id and w.limit_id <> other.limit_id
