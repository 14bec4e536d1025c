-- Those of the same project first, then of the same folder: so many are compared and no more.
select f.name || '/' || p.name || '/' || k.name as path
from internal.packages k
join internal.projects p on p.current_version_id = k.version_id
join internal.folders f on f.id = p.folder_id
order by (f.name = $1) desc, (p.name = $2) desc, k.id desc
limit 500
