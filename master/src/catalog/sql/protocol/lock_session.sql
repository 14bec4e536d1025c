-- Holds the session against ending until the transaction's end, and its worker against being disabled.
-- $1 worker, $2 session.
select s.ended_at is null as open, s.lease_until > clock_timestamp() as leased, w.version, s.refused_through
from internal.sessions s
join internal.workers w on w.id = s.worker_id
where s.worker_id = $1 and s.counter = $2
for share of s
