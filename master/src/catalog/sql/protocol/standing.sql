-- What a worker's present session has to know of it. $1 worker.
select s.counter, s.inbox, w.pools, w.enabled, w.draining
from internal.workers w
join internal.sessions s on s.worker_id = w.id and s.counter = w.session_counter and s.ended_at is null
where w.id = $1
