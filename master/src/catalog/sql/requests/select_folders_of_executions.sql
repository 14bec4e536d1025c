-- The folders of those executions that are there. $1 ids.
select e.id, f.name as folder
from internal.executions e
join internal.packages k on k.id = e.package_id
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
where e.id = any ($1::uuid[])
