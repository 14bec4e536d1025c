-- A drained worker leaves: nothing is held by its session any more. $1 worker, $2 counter.
update internal.sessions set ended_at = clock_timestamp(), ending = 'drained'
where worker_id = $1 and counter = $2 and ended_at is null
