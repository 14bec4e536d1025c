-- Move Overdue: stopping → failed, for attempts that were told to stop a lease ago and did not. What is held is asked
-- for by its key, as in stop_overdue.sql. $1 seconds.
with held as materialized (
    select u.id, u.attempt, g.worker_id, g.session
    from internal.grants g cross join unnest(g.ids, g.attempts) as u (id, attempt)
),
overdue as materialized (
    select held.id
    from held
    cross join lateral (
        select from internal.executions e
        where e.id = held.id and e.attempt = held.attempt and e.worker_id = held.worker_id and e.session = held.session
          and e.status = 8 and e.stop_reason = 2 and e.stop_at < clock_timestamp() - $1 * interval '1 second'
        limit 1
    ) as found
)
update internal.executions e
set status = 4, ended_at = clock_timestamp()
where e.id = any (array(select id from overdue))
  and e.status = 8 and e.stop_reason = 2 and e.stop_at < clock_timestamp() - $1 * interval '1 second'
