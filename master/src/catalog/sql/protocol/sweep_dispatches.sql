-- Dispatches of which nothing waits for a claim any more. Confirmed ones stay until then: they say which
-- executions must have a message in a queue. Mostly the last one of a row starts last: while it waits, the others are
-- not asked for. `case`, and no `and`: of that the planner makes a join, which reads whole partitions.
delete from internal.dispatches d
where case
    when exists (
        select from internal.executions e
        where e.id = d.ids[cardinality(d.ids)] and e.attempt = d.attempts[cardinality(d.ids)] and e.status = 5
        offset 0
    ) then false
    else not exists (
        select from unnest(d.ids, d.attempts) as u (id, attempt)
        join internal.executions e on e.id = u.id
        where e.attempt = u.attempt and e.status = 5
    )
end
