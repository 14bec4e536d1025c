-- What a worker's session holds, found through its grants, the oldest first. $1 worker, $2 session, $3 at most;
-- $4 the folders that are reached, null: all.
select e.id, f.name as folder, p.name as project, k.name as package, e.status, e.attempt, e.started_at
from internal.grants g
cross join unnest(g.ids, g.attempts) as held (id, attempt)
join internal.executions e on e.id = held.id
join internal.packages k on k.id = e.package_id
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
where g.worker_id = $1 and g.session = $2
  and e.attempt = held.attempt and e.status in (2, 8) and e.worker_id = $1 and e.session = $2
  and ($4::text[] is null or f.name = any ($4))
order by e.started_at, e.id
limit $3
