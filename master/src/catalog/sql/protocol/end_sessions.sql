-- Ends a worker's sessions before $2, because it has begun a new one. $1 worker.
update internal.sessions set ended_at = clock_timestamp(), ending = 'superseded'
where worker_id = $1 and counter < $2 and ended_at is null
returning counter
