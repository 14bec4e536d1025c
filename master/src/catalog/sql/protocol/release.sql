-- Move Due: created → pending, for those whose limits have room: with their slots, and a dispatch row per pool and
-- priority. What has left `created` meanwhile leaves the line and gets nothing.
-- $1 master, $2 who leaves the line, $3 who is released, $4 and $5 the slots: limits and executions.
with left_line as (
    delete from internal.waiting where execution_id = any ($2::uuid[]) returning execution_id, due_at
),
moved as (
    update internal.executions e set status = 5
    where e.id = any ($3::uuid[]) and e.status = 1
    returning e.id, e.attempt, e.pool, e.priority
),
noted as (
    insert into internal.slots (limit_id, execution_id, due_at)
    select slot.limit_id, slot.execution_id, left_line.due_at
    from unnest($4::bigint[], $5::uuid[]) as slot (limit_id, execution_id)
    join moved on moved.id = slot.execution_id
    join left_line on left_line.execution_id = slot.execution_id
    on conflict (limit_id, execution_id) do update set due_at = excluded.due_at
)
insert into internal.dispatches (master_id, pool, priority, ids, attempts)
select $1, pool, priority, array_agg(id), array_agg(attempt) from moved group by pool, priority
returning id, pool, priority, ids, attempts
