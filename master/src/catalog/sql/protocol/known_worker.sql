-- What is known of a worker that says hello; its row stays locked. $1 worker.
select w.session_counter, w.machine, w.host, w.enabled, w.pools, w.version, s.nonce, s.ended_at is not null as ended,
       coalesce(s.ended_at is null and s.lease_until > clock_timestamp(), false) as alive
from internal.workers w
left join internal.sessions s on s.worker_id = w.id and s.counter = w.session_counter
where w.id = $1
for update of w
