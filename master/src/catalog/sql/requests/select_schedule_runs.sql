-- The newest runs of a schedule, each of one execution. $1 its id, $2 how many.
select r.scheduled_at, r.batch_id, e.id as execution, e.status
from internal.schedule_runs r
join internal.batches b on b.id = r.batch_id
left join internal.executions e on e.id = b.first_id
where r.schedule_id = $1
order by r.scheduled_at desc
limit $2
