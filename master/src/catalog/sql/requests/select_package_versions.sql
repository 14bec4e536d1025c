-- The packages of a folder ($1), of one of its projects ($2), or one package of that ($3), in every version.
select k.id
from internal.folders f
join internal.projects p on p.folder_id = f.id and ($2::text is null or p.name = $2)
join internal.project_versions v on v.project_id = p.id
join internal.packages k on k.version_id = v.id and ($3::text is null or k.name = $3)
where f.name = $1
