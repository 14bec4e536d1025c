-- What a session holds and must stop: each is asked for by its key (`limit 1`), never by a join that may read a
-- partition. $1 worker, $2 counter.
select u.id, u.attempt
from internal.grants g
cross join unnest(g.ids, g.attempts) as u (id, attempt)
cross join lateral (
    select from internal.executions e
    where e.id = u.id and e.attempt = u.attempt and e.worker_id = $1 and e.session = $2 and e.status = 8
    limit 1
) as found
where g.worker_id = $1 and g.session = $2
limit 10000
