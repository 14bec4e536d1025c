select a.attempt, w.name as worker, a.started_at, a.ended_at, a.ending, a.error
from internal.attempts a
left join internal.workers w on w.id = a.worker_id
where a.execution_id = $1
order by a.attempt
