-- An execution, who holds it, and how the attempt before ended: all by key. $1 its id. Its package may be gone.
select clock_timestamp() as now, e.status, e.attempt, e.failures, e.retries, e.losses, e.pool, e.priority,
       e.started_at, e.ended_at, e.timeout_ms, e.stop_at, e.stop_reason, e.error, e.retry_delay_ms,
       e.start_deadline, greatest(internal.accepted_at(e.id), e.start_at) as waits_since,
       b.hash is not null as package_known,
       w.name as worker, w.host, s.counter as session, s.heartbeat_at, s.lease_until,
       a.ending as previous, a.ended_at as previous_ended_at,
       case e.status when 1 then (select d.due_at from internal.due d where d.execution_id = $1 limit 1) end as due_at
from internal.executions e
left join internal.packages k on k.id = e.package_id
left join internal.project_versions v on v.id = k.version_id
left join internal.bundles b on b.hash = v.bundle
left join internal.workers w on w.id = e.worker_id
left join internal.sessions s on s.worker_id = e.worker_id and s.counter = e.session
left join internal.attempts a on a.execution_id = $1 and a.attempt = e.attempt - 1
where e.id = $1
