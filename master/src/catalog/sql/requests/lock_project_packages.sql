-- The packages of all versions that there are. Held against whoever accepts: see `internal.refuse_deleted`. In the order
-- of ids, as those who accept hold them. $1 project.
select k.id
from internal.packages k
where k.version_id in (select v.id from internal.project_versions v where v.project_id = $1 and v.deleted_at is null)
order by k.id
for update of k
