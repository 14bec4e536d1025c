-- The packages of folders, in every version. $1 folders.
select k.id
from internal.packages k
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
where f.name = any ($1::text[])
