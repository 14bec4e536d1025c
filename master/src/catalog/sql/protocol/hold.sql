-- Move Hold: pending → created, into the limit's line. A claim that was granted first stands; messages that are still
-- in a queue find nothing pending. $1 limit, $2 executions, $3 since when each is due.
with held as (
    update internal.executions e set status = 1
    where e.id = any ($2::uuid[]) and e.status = 5
    returning e.id, e.priority
),
lined_up as (
    insert into internal.waiting (limit_id, priority, due_at, execution_id)
    select $1, held.priority, min(due.due_at), held.id
    from held
    join unnest($2::uuid[], $3::timestamptz[]) as due (id, due_at) on due.id = held.id
    group by held.priority, held.id
)
select count(*) as held from held
