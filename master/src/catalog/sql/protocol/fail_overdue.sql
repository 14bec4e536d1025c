-- Move Overdue: stopping → failed, for attempts that were told to stop a lease ago and did not. $1 seconds.
update internal.executions e
set status = 4, ended_at = clock_timestamp()
from internal.grants g cross join unnest(g.ids, g.attempts) as u (id, attempt)
where e.id = u.id and e.attempt = u.attempt and e.worker_id = g.worker_id and e.session = g.session
  and e.status = 8 and e.stop_reason = 2 and e.stop_at < clock_timestamp() - $1 * interval '1 second'
