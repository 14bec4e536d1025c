-- The limit in whose line an execution stands, what stands before it, and who holds the slots: the first that started
-- are named. $1 the execution, $2 how far the line is counted, $3 how many holders are named.
with line as materialized (
    select w.limit_id, w.priority, w.due_at from internal.waiting w where w.execution_id = $1 limit 1
),
holders as materialized (
    select s.execution_id, e.status, w.name as worker, e.started_at
    from line
    join internal.slots s on s.limit_id = line.limit_id
    cross join lateral (
        select e.status, e.worker_id, e.started_at from internal.executions e
        where e.id = s.execution_id and e.status in (2, 5, 8) limit 1
    ) as e
    left join internal.workers w on w.id = e.worker_id and e.status in (2, 8)
),
named as (
    select * from holders order by (status = 5), started_at, execution_id limit $3
)
select l.name, l.at_most, l.applied_to is not null as applying,
       l.removed_at is not null as removed, line.due_at,
       (select count(*) from holders) as held,
       (select count(*) from (
            select from internal.waiting b
            where b.limit_id = line.limit_id
              and (b.priority, b.due_at, b.execution_id) < (line.priority, line.due_at, $1)
            limit $2
        ) as before) as ahead,
       array(select execution_id from named order by (status = 5), started_at, execution_id) as ids,
       array(select status from named order by (status = 5), started_at, execution_id) as statuses,
       array(select worker from named order by (status = 5), started_at, execution_id) as workers
from line
join internal.limits l on l.id = line.limit_id
