select k.id
from internal.folders f
join internal.projects p on p.folder_id = f.id and p.name = $2
join internal.project_versions v on v.project_id = p.id
join internal.packages k on k.version_id = v.id and k.name = $3
where f.name = $1
