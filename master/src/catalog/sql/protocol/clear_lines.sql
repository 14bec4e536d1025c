-- What is at the head of a line and waits no more (it was canceled) leaves it with all of its like near the head,
-- whether there is a slot or not. $1 how far each line is looked through.
with dead_heads as materialized (
    select l.id
    from internal.limits l
    cross join lateral (
        select w.execution_id from internal.waiting w where w.limit_id = l.id
        order by w.priority, w.due_at, w.execution_id limit 1
    ) as first
    left join lateral (
        select true as yes from internal.executions e where e.id = first.execution_id and e.status = 1 limit 1
    ) as waits on true
    where waits.yes is null
)
delete from internal.waiting where execution_id in (
    select near.execution_id
    from dead_heads
    cross join lateral (
        select w.execution_id from internal.waiting w where w.limit_id = dead_heads.id
        order by w.priority, w.due_at, w.execution_id limit $1
    ) as near
    left join lateral (
        select true as yes from internal.executions e where e.id = near.execution_id and e.status = 1 limit 1
    ) as waits on true
    where waits.yes is null
)
