-- Rows are inserted in the order of acceptance, and so are the ids within a row; a row stays until none of its ids
-- is pending. So the oldest pending one is the first pending of one of the oldest rows.
select internal.accepted_at(first.id) as accepted_at
from (select ids, attempts from internal.dispatches order by id limit 16) as oldest
cross join lateral (
    select e.id
    from unnest(oldest.ids, oldest.attempts) as waiting (id, attempt)
    join internal.executions e on e.id = waiting.id
    where e.attempt = waiting.attempt and e.status = 5
    limit 1
) as first
order by first.id
limit 1
