-- Waits for whoever grants a worker's sessions anything, and holds up whoever is about to: it sees the worker as this
-- transaction leaves it. $1 worker.
select from internal.sessions where worker_id = $1 and ended_at is null order by counter for update
