-- What every execution of one package in one batch needs to run. $1 batch, $2 package.
select f.name as folder, p.name as project, k.name as package, v.bundle, b.project_values,
       b.sealed_project_values is not null as sealed
from internal.batch_packages b
join internal.packages k on k.id = b.package_id
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
where b.batch_id = $1 and b.package_id = $2
