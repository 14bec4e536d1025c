-- Move Overdue: running → stopping, for attempts whose worker did not keep their timeout. What is held is asked for by
-- its key, one by one (`limit 1`): a join would read whole partitions for it. The last conditions look at it again as it
-- is when its row is locked: a later attempt is stopped only if it is overdue itself. $1 grace in seconds.
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
          and e.status = 2 and e.timeout_ms is not null
          and e.started_at + e.timeout_ms * interval '1 millisecond' + $1 * interval '1 second' < clock_timestamp()
        limit 1
    ) as found
)
update internal.executions e
set status = 8, stop_reason = 2, stop_at = clock_timestamp(), error = 'the attempt ran longer than its timeout'
where e.id = any (array(select id from overdue))
  and e.status = 2 and e.timeout_ms is not null
  and e.started_at + e.timeout_ms * interval '1 millisecond' + $1 * interval '1 second' < clock_timestamp()
returning e.id, e.attempt, e.worker_id, e.session,
          (select inbox from internal.sessions s where s.worker_id = e.worker_id and s.counter = e.session) as inbox
