-- $1 project, $2 version.
select v.id, v.version, v.bundle, v.parameters,
       array(select k.name from internal.packages k where k.version_id = v.id order by k.name) as packages
from internal.project_versions v
where v.project_id = $1 and v.version = $2 and v.deleted_at is null
