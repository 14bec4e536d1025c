-- The folders that a batch has executions in; none if there is no such batch. $1 batch.
select distinct f.name as folder
from internal.batch_packages b
join internal.packages k on k.id = b.package_id
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
where b.batch_id = $1
