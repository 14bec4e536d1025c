-- The versions of a project that there are, the newest first. $1 folder, $2 project, $3 only those before (NULL: all),
-- $4 at most.
select v.version, v.id = p.current_version_id as current, v.description, v.bundle, v.deployed_at, v.deployed_by,
       v.restored_at, v.restored_by,
       array(select k.name from internal.packages k where k.version_id = v.id order by k.name) as packages
from internal.folders f
join internal.projects p on p.folder_id = f.id
join internal.project_versions v on v.project_id = p.id and v.deleted_at is null
where f.name = $1 and p.name = $2 and p.current_version_id is not null and ($3::integer is null or v.version < $3)
order by v.version desc
limit $4
