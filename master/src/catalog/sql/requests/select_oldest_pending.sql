-- Rows are inserted in the order of acceptance, and so are the ids within a row; a row stays until none of its ids
-- is pending. So the first that is still pending is the oldest. The scan ends with it; $1 ids are looked at at most.
-- What has a start time waits since then.
select waiting.id, greatest(internal.accepted_at(waiting.id), found.start_at) as accepted_at
from (
    select u.id, u.attempt
    from (select ids, attempts from internal.dispatches order by id limit $1) as oldest
    cross join unnest(oldest.ids, oldest.attempts) as u (id, attempt)
    limit $1
) as waiting
cross join lateral (
    select e.start_at from internal.executions e
    where e.id = waiting.id and e.attempt = waiting.attempt and e.status = 5 limit 1
) as found
limit 1
