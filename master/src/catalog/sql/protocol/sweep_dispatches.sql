-- Dispatches of which nothing waits for a claim any more. Confirmed ones stay until then: they say which
-- executions must have a message in a queue.
delete from internal.dispatches d
where not exists (
    select from unnest(d.ids, d.attempts) as u (id, attempt)
    join internal.executions e on e.id = u.id
    where e.attempt = u.attempt and e.status = 5
)
