-- Move Cancel: created, pending → canceled; running → stopping. $1 batch.
-- $2 and $3 are the batch's smallest and largest id: they prune the partitions and bound the scan.
with changed as (
    update internal.executions e
    set status = case e.status when 2 then 8 else 3 end,
        ended_at = case e.status when 2 then null else clock_timestamp() end,
        stop_at = case e.status when 2 then clock_timestamp() end,
        stop_reason = case e.status when 2 then 1 end
    where e.batch_id = $1 and e.id between $2 and $3 and e.status in (1, 2, 5)
    returning e.id, e.status, e.attempt, e.worker_id, e.session
)
select c.id, c.status, c.attempt, c.worker_id, c.session, s.inbox
from changed c
left join internal.sessions s
    on c.status = 8 and s.worker_id = c.worker_id and s.counter = c.session and s.ended_at is null
