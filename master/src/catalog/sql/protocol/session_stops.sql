-- What a session holds and must stop. $1 worker, $2 counter.
select e.id, e.attempt
from internal.grants g
cross join unnest(g.ids, g.attempts) as u (id, attempt)
join internal.executions e on e.id = u.id
where g.worker_id = $1 and g.session = $2
  and e.attempt = u.attempt and e.worker_id = $1 and e.session = $2 and e.status = 8
limit 10000
