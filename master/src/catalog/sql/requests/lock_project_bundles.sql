-- The bundles of a project's versions. Held against whoever deploys the same bytes. $1 project.
select b.hash
from internal.bundles b
where b.hash in (select v.bundle from internal.project_versions v where v.project_id = $1)
order by b.hash
for update of b
