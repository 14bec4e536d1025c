-- Move Due: created → pending, with a dispatch row per pool and priority. What has a limit goes into its line, and is
-- released from there. Always gives a row that says how many were due; without a dispatch its id is null.
-- $1 master, $2 most at once.
with ripe as (
    delete from internal.due
    where (due_at, execution_id) in (
        select due_at, execution_id from internal.due
        where due_at <= clock_timestamp() order by due_at, execution_id limit $2 for update skip locked
    )
    returning due_at, execution_id
),
limited as materialized (
    select ripe.due_at, e.id, e.priority, one.id as limit_id
    from ripe
    cross join lateral (
        select e.id, e.priority, e.limit_key, e.package_id from internal.executions e
        where e.id = ripe.execution_id and e.status = 1 limit 1
    ) as e
    cross join lateral (
        select l.id from internal.limits l
        where l.removed_at is null and l.name = any (array[e.limit_key,
            (select path.path from internal.package_paths path where path.package_id = e.package_id)])
        order by l.id limit 1
    ) as one
    where exists (select from internal.limits)
),
lined_up as (
    insert into internal.waiting (limit_id, priority, due_at, execution_id)
    select limit_id, priority, due_at, id from limited
),
moved as (
    update internal.executions e set status = 5
    from ripe
    where e.id = ripe.execution_id and e.status = 1 and not exists (select from limited l where l.id = ripe.execution_id)
    returning e.id, e.attempt, e.pool, e.priority
),
dispatched as (
    insert into internal.dispatches (master_id, pool, priority, ids, attempts)
    select $1, pool, priority, array_agg(id), array_agg(attempt) from moved group by pool, priority
    returning id, pool, priority, ids, attempts
)
select due.n as due, d.id, d.pool, d.priority, d.ids, d.attempts
from (select count(*) as n from ripe) as due
left join dispatched d on true
