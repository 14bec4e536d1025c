select p.id
from internal.projects p
join internal.folders f on f.id = p.folder_id
where f.name = $1 and p.name = $2
for update of p
