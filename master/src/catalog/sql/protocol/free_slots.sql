-- Removes slots of executions that hold none any more, of the limits that somebody waits for. Each is asked for by its
-- key (`limit 1` keeps the planner from a join that reads whole partitions).
delete from internal.slots where (limit_id, execution_id) in (
    select s.limit_id, s.execution_id
    from internal.limits l
    join internal.slots s on s.limit_id = l.id
    left join lateral (
        select true as yes from internal.executions e where e.id = s.execution_id and e.status in (2, 5, 8) limit 1
    ) as holds on true
    where holds.yes is null and exists (select from internal.waiting w where w.limit_id = l.id)
)
