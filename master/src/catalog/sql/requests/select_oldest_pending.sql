-- Rows are inserted in the order of acceptance, and so are the ids within a row; a row stays until none of its ids
-- is pending, and then until it is swept. So the first that is still pending is the oldest, and the scan ends with it.
-- Behind $1 ids, so many that have ended and are not swept yet, only the last one of each row is looked at, of $2 rows in
-- all: what is found there may be younger than the oldest, until the sweep has come. What has a start time waits since
-- then.
select waiting.id, greatest(internal.accepted_at(waiting.id), found.start_at) as accepted_at
from (
    select u.id, u.attempt
    from (
        -- Once for each row: to count an array is to read all of it.
        select d.ids, d.attempts, d.size, sum(d.size) over (order by d.id) - d.size as before
        from (select id, ids, attempts, cardinality(ids) as size from internal.dispatches order by id limit $2) as d
    ) as oldest
    cross join unnest(oldest.ids, oldest.attempts) with ordinality as u (id, attempt, number)
    where oldest.before < $1 or u.number = oldest.size
) as waiting
cross join lateral (
    select e.start_at from internal.executions e
    where e.id = waiting.id and e.attempt = waiting.attempt and e.status = 5 limit 1
) as found
limit 1
