select v.id, v.version, v.bundle, v.parameters
from internal.projects p
join internal.project_versions v on v.id = p.current_version_id
where p.id = $1
