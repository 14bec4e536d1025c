-- A drained worker leaves: nothing is held by its session any more. $1 worker, $2 counter.
update internal.sessions s set ended_at = clock_timestamp(), ending = 'drained'
from internal.workers w
where w.id = s.worker_id and s.worker_id = $1 and s.counter = $2 and s.ended_at is null
returning s.worker_id, s.counter, w.version
