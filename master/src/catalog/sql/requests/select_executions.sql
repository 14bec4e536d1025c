-- Newest first is the key backwards: the scan ends with the page, or where $8 executions have been looked through
-- (NULL: nowhere), so that what is rare holds nobody up. $1 and $2 prune the partitions.
with page as (
    select id, package_id, status, attempt, worker_id, started_at, ended_at, error
    from (
        select id, batch_id, package_id, status, attempt, worker_id, started_at, ended_at, error
        from internal.executions
        where id between $1 and $2
        order by id desc
        limit $8
    ) as looked
    where ($3::smallint[] is null or status = any ($3))
      and ($4::uuid is null or batch_id = $4)
      and ($5::bigint[] is null or package_id = any ($5))
      and ($6::uuid[] is null or worker_id = any ($6))
    order by id desc
    limit $7
)
select e.id, f.name as folder, p.name as project, k.name as package, e.status, e.attempt, w.name as worker,
       internal.accepted_at(e.id) as created_at, e.started_at, e.ended_at, e.error
from page e
join internal.packages k on k.id = e.package_id
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
left join internal.workers w on w.id = e.worker_id
order by e.id desc
