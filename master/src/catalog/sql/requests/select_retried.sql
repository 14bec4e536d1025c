-- What is to be run again, without its values: `bytes` says how large they are. $1 ids.
select e.id, e.status, e.package_id, f.name as folder, p.name as project, k.name as package, p.id as project_id,
       v.version, v.deleted_at is not null as deleted, e.pool, e.priority, e.retries, e.retry_delay_ms, e.timeout_ms, e.limit_key, e.logging_level,
       (coalesce(octet_length(e.parameters), 0) + coalesce(octet_length(e.sealed_parameters), 0))::bigint as bytes
from internal.executions e
join internal.packages k on k.id = e.package_id
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
where e.id = any ($1::uuid[])
