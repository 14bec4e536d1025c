select wanted.n, k.id, p.id as project_id
from unnest($1::text[], $2::text[], $3::text[]) with ordinality as wanted (folder, project, package, n)
join internal.folders f on f.name = wanted.folder
join internal.projects p on p.folder_id = f.id and p.name = wanted.project
join internal.packages k on k.version_id = p.current_version_id and k.name = wanted.package
