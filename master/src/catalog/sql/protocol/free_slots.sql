-- Removes slots of executions that hold none any more, of the limits that look full. Each is asked for by its key
-- (`limit 1` keeps the planner from a join that reads whole partitions).
with full_ones as materialized (
    select l.id from internal.limits l
    where l.removed_at is null and (select count(*) from internal.slots s where s.limit_id = l.id) >= greatest(l.at_most, 1)
)
delete from internal.slots where (limit_id, execution_id) in (
    select s.limit_id, s.execution_id
    from full_ones
    join internal.slots s on s.limit_id = full_ones.id
    left join lateral (
        select true as yes from internal.executions e where e.id = s.execution_id and e.status in (2, 5, 8) limit 1
    ) as holds on true
    where holds.yes is null
)
