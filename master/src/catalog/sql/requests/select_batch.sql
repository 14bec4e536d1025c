select b.created_at, b.executions, b.first_id, b.last_id, r.schedule, r.scheduled_at
from internal.batches b
left join internal.schedule_runs r on r.batch_id = b.id
where b.id = $1
