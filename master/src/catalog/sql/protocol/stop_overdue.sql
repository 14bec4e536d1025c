-- Move Overdue: running → stopping, for attempts whose worker did not keep their timeout. $1 grace in seconds.
update internal.executions e
set status = 8, stop_reason = 2, stop_at = clock_timestamp(), error = 'the attempt ran longer than its timeout'
from internal.grants g cross join unnest(g.ids, g.attempts) as u (id, attempt)
where e.id = u.id and e.attempt = u.attempt and e.worker_id = g.worker_id and e.session = g.session
  and e.status = 2 and e.timeout_ms is not null
  and e.started_at + e.timeout_ms * interval '1 millisecond' + $1 * interval '1 second' < clock_timestamp()
returning e.id, e.attempt, e.worker_id, e.session,
          (select inbox from internal.sessions s where s.worker_id = e.worker_id and s.counter = e.session) as inbox
