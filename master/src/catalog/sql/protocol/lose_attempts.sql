-- Move Loss: running, stopping → created, unexpected, canceled, failed; all that ended sessions still hold, found
-- through grants; as common::protocol::lease::after_loss decides. Runs after the sessions' rows are locked, as a
-- statement of its own: its snapshot must see grants that committed while the lock was waited for.
-- $1 workers, $2 sessions, $3 losses that end an execution, $4 why, $5 losses that may be another's doing,
-- $6 whether the session could run an execution alone (a worker of the version before could not: all its count).
with granted as (
    select g.id as grant_id, g.worker_id, g.session, s.isolates, u.id, u.attempt
    from unnest($1::uuid[], $2::bigint[], $6::boolean[]) as s (worker_id, session, isolates)
    join internal.grants g on g.worker_id = s.worker_id and g.session = s.session
    cross join unnest(g.ids, g.attempts) as u (id, attempt)
),
held as (
    select g.id, g.attempt, g.worker_id, g.session,
           e.losses + case
               when e.losses < $5 or not g.isolates or count(*) over (partition by g.worker_id, g.session) = 1 then 1
               else 0
           end as losses
    from granted g
    join internal.executions e on e.id = g.id and e.attempt = g.attempt and e.worker_id = g.worker_id
        and e.session = g.session and e.status in (2, 8)
),
lost as (
    update internal.executions e
    set status = case
            when e.status = 8 and e.stop_reason = 2 then 4
            when e.status = 8 then 3
            when h.losses >= $3 then 6
            else 1
        end,
        attempt = e.attempt + case when e.status = 2 and h.losses < $3 then 1 else 0 end,
        losses = h.losses,
        ended_at = case when e.status = 2 and h.losses < $3 then null else clock_timestamp() end,
        error = case
            when e.status = 8 then e.error
            when h.losses = e.losses then
                format('attempt %s lost its worker: %s (not counted: it did not run alone)', h.attempt, $4::text)
            else format('attempt %s lost its worker: %s (loss %s of %s)', h.attempt, $4::text, h.losses, $3)
        end
    from held h
    where e.id = h.id and e.attempt = h.attempt and e.worker_id = h.worker_id and e.session = h.session
      and e.status in (2, 8)
    returning e.id, e.status, h.attempt, e.worker_id, e.session, e.started_at, e.error
),
noted as (
    insert into internal.attempts (execution_id, attempt, worker_id, session, started_at, ending, error)
    select id, attempt, worker_id, session, started_at, 'lost', error from lost where status = 1
    on conflict do nothing
),
again as (
    insert into internal.due (due_at, execution_id) select clock_timestamp(), id from lost where status = 1
),
gone as (
    delete from internal.grants where id in (select grant_id from granted)
)
select count(*) as lost, count(*) filter (where status = 1) as again from lost
