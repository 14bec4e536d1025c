select e.id, f.name as folder, p.name as project, k.name as package, e.status, e.attempt, w.name as worker,
       internal.accepted_at(e.id) as created_at, e.started_at, e.ended_at, e.error,
       e.batch_id, e.package_id, v.version as project_version, e.pool, e.priority, e.parameters,
       e.sealed_parameters is not null as has_sealed, e.retries, e.retry_delay_ms, e.timeout_ms, e.limit_key, e.logging_level, e.failures,
       e.losses, e.result, e.start_at, e.start_deadline, e.retry_of,
       r.schedule, r.scheduled_at,
       case e.status when 1 then (select d.due_at from internal.due d where d.execution_id = e.id limit 1) end as due_at
from internal.executions e
join internal.packages k on k.id = e.package_id
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
left join internal.workers w on w.id = e.worker_id
left join internal.schedule_runs r on r.batch_id = e.batch_id
where e.id = $1
