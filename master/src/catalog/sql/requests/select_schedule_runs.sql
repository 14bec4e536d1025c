-- The newest runs of a schedule, each of one execution. It may have run a package of another folder before: $3 the folders
-- that are reached; null: all. $1 its id, $2 how many.
select r.scheduled_at, r.batch_id, e.id as execution, e.status
from internal.schedule_runs r
join internal.batches b on b.id = r.batch_id
left join internal.executions e on e.id = b.first_id
where r.schedule_id = $1
  and ($3::text[] is null or exists (
      select from internal.packages k
      join internal.project_versions v on v.id = k.version_id
      join internal.projects p on p.id = v.project_id
      join internal.folders f on f.id = p.folder_id
      where k.id = e.package_id and f.name = any ($3)
  ))
order by r.scheduled_at desc
limit $2
