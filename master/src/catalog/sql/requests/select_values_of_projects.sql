-- What is set for projects that are named: $1 their folders, $2 their names.
select v.project_id, v.name, v.value, v.sealed
from unnest($1::text[], $2::text[]) as wanted (folder, project)
join internal.folders f on f.name = wanted.folder
join internal.projects p on p.folder_id = f.id and p.name = wanted.project
join internal.project_values v on v.project_id = p.id
