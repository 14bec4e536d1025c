-- Move Due: created → pending, with a dispatch row per pool and priority. $1 master, $2 most at once.
with ripe as (
    delete from internal.due
    where (due_at, execution_id) in (
        select due_at, execution_id from internal.due
        where due_at <= clock_timestamp() order by due_at, execution_id limit $2 for update skip locked
    )
    returning execution_id
),
moved as (
    update internal.executions e set status = 5
    from ripe where e.id = ripe.execution_id and e.status = 1
    returning e.id, e.attempt, e.pool, e.priority
)
insert into internal.dispatches (master_id, pool, priority, ids, attempts)
select $1, pool, priority, array_agg(id), array_agg(attempt) from moved group by pool, priority
returning id, pool, priority, ids, attempts
