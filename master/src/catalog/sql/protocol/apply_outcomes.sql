-- Moves Outcome and HandBack: running, stopping → succeeded, failed, canceled, created; as
-- common::protocol::outcome::after_outcome decides (a test compares the two). What matches no row was fenced or is
-- a repeat. $1 ids (sorted), $2 attempts, $3 workers, $4 sessions, $5 outcome kinds (1 succeeded, 2 failed,
-- 3 stopped, 4 timed out, 5 returned), $6 errors, $7 results, $8 longest retry delay in
-- milliseconds, $9 losses from which on it runs alone, $10 the pause in milliseconds before it tries that elsewhere. `= any` finds each row by its key on any statistics.
with outcomes as (
    select * from unnest($1::uuid[], $2::integer[], $3::uuid[], $4::bigint[], $5::smallint[], $6::text[], $7::text[])
        as o (id, attempt, worker_id, session, kind, error, result)
),
applied as (
    update internal.executions e
    set status = case
            when o.kind = 1 then 7
            when e.status = 8 and e.stop_reason = 2 then 4
            when e.status = 8 then 3
            when o.kind = 5 or e.failures < e.retries then 1
            else 4
        end,
        attempt = e.attempt
            + case when e.status = 2 and o.kind <> 1 and (o.kind = 5 or e.failures < e.retries) then 1 else 0 end,
        failures = e.failures
            + case when e.status = 2 and o.kind in (2, 3, 4) then 1 else 0 end,
        ended_at = case
            when e.status = 2 and o.kind <> 1 and (o.kind = 5 or e.failures < e.retries) then null
            else clock_timestamp()
        end,
        error = case when o.kind = 1 then null else coalesce(o.error, e.error) end,
        result = case when o.kind = 1 then o.result end
    from outcomes o
    where e.id = o.id and e.id = any ($1) and e.attempt = o.attempt
      and e.worker_id = o.worker_id and e.session = o.session and e.status in (2, 8)
    returning e.id, e.status, o.attempt, o.kind, o.error, e.worker_id, e.session, e.started_at, e.failures,
              e.retry_delay_ms, e.losses
),
noted as (
    insert into internal.attempts (execution_id, attempt, worker_id, session, started_at, ending, error)
    select id, attempt, worker_id, session, started_at,
           case kind when 4 then 'timed-out' when 5 then 'returned' else 'failed' end, error
    from applied where status = 1
    on conflict do nothing
),
again as (
    insert into internal.due (due_at, execution_id)
    select clock_timestamp() + case
               when kind = 5 and losses >= $9 then $10::double precision * interval '1 millisecond'
               when kind = 5 then interval '0'
               else least(retry_delay_ms * power(2, least(failures - 1, 31)), greatest($8::double precision, retry_delay_ms))
                    * interval '1 millisecond'
           end, id
    from applied where status = 1
)
select count(*) as matched, count(*) filter (where status = 1) as again,
       count(*) filter (where status = 7) as succeeded, count(*) filter (where status = 4) as failed,
       count(*) filter (where status = 3) as canceled
from applied
