-- Waits for who is deleting the project, and keeps it from being deleted until our transaction has ended.
select p.current_version_id is not null as there
from internal.projects p
join internal.folders f on f.id = p.folder_id
where f.name = $1 and p.name = $2
for key share of p
