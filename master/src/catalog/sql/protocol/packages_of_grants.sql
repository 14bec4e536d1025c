-- Which packages $1 are, and where their bundles are found.
select k.id, f.name as folder, p.name as project, k.name as package, v.bundle
from internal.packages k
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
where k.id = any ($1::bigint[])
