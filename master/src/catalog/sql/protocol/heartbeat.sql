-- Renews a session's lease, also one that has run out, as long as nobody has taken it.
-- $1 worker, $2 counter, $3 inbox, $4 lease in seconds.
update internal.sessions s
set heartbeat_at = clock_timestamp(), lease_until = clock_timestamp() + $4 * interval '1 second', inbox = $3
from internal.workers w
where s.worker_id = $1 and s.counter = $2 and s.ended_at is null and w.id = s.worker_id
returning w.enabled, w.pools, w.draining
