select p.id, v.parameters
from internal.projects p
join internal.folders f on f.id = p.folder_id
join internal.project_versions v on v.id = p.current_version_id
where f.name = $1 and p.name = $2
for update of p
