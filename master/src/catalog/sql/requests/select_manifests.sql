select k.id, k.manifest, v.parameters as project_parameters
from internal.packages k
join internal.project_versions v on v.id = k.version_id
where k.id = any ($1::bigint[])
