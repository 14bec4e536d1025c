-- Removes sessions that ended long ago. Each worker's newest stays: it tells a repeated hello from a new one.
-- $1 how long ago, in seconds, $2 at most.
delete from internal.sessions
where (worker_id, counter) in (
    select s.worker_id, s.counter
    from internal.sessions s
    join internal.workers w on w.id = s.worker_id
    where s.ended_at < clock_timestamp() - $1::double precision * interval '1 second'
      and s.counter < w.session_counter
      and not exists (select from internal.grants g where g.worker_id = s.worker_id and g.session = s.counter)
    limit $2
    for update of s skip locked
)
