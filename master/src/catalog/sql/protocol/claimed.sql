-- Executions that a message claims, as they stand: those that were not granted now, or all, once some are refused.
-- `late`: its start deadline has passed, which is one of the first attempt only. $1 ids, $2 pools.
select e.id, e.status, e.attempt, e.worker_id, e.session, e.claim, e.pool = any ($2::text[]) as allowed,
       e.attempt = 1 and coalesce(e.start_deadline <= clock_timestamp(), false) as late,
       e.batch_id, e.package_id, e.parameters, e.sealed_parameters is not null as sealed,
       e.losses, e.logging_level, e.timeout_ms, e.timeout_ms - (extract(epoch from clock_timestamp() - e.started_at) * 1000)::bigint as time_left_ms
from internal.executions e
where e.id = any ($1::uuid[])
