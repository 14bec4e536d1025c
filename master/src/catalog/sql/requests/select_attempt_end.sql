-- How an attempt ended that did not end its execution, and how long ago.
select ending, (extract(epoch from clock_timestamp() - ended_at) * 1000)::bigint as ended_for_ms
from internal.attempts
where execution_id = $1 and attempt = $2
