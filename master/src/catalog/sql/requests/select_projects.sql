select p.id, v.id as version_id, f.name as folder, p.name as project, v.description, v.version, v.parameters,
       v.deployed_at, v.deployed_by,
       (select count(*) from internal.packages k where k.version_id = v.id) as packages
from internal.projects p
join internal.folders f on f.id = p.folder_id
join internal.project_versions v on v.id = p.current_version_id
where ($1::text is null or f.name = $1) and ($2::text is null or p.name = $2)
order by f.name, p.name
