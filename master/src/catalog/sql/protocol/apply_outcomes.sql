-- Moves Outcome and HandBack: running, stopping → succeeded, failed, canceled, created; as
-- common::protocol::outcome::after_outcome decides (a test compares the two). What matches no row was fenced or is
-- a repeat. No join, as in grant.sql: it would look at every outcome for every row. `width_bucket` finds the place of an
-- id among the sorted ones by halving; each id stands there once.
-- A grant goes with the last of its executions: else heartbeats and timeouts would be looked up in all that ended.
-- With an outcome its number becomes negative, so that none counts twice, whatever a master of the version before does
-- with the row, which knows no numbers. Who applies outcomes waits for no grant's row: one that another transaction
-- changes just now is left to the sweep.
-- $1 ids (sorted), $2 attempts, $3 workers, $4 sessions, $5 outcome kinds (1 succeeded, 2 failed,
-- 3 stopped, 4 timed out, 5 returned), $6 errors, $7 results, $8 longest retry delay in
-- milliseconds, $9 losses from which on it runs alone, $10 the pause in milliseconds before it tries that elsewhere.
with applied as (
    update internal.executions e
    set (status, attempt, failures, ended_at, error, result) = (
        select case
                   when o.kind = 1 then 7
                   when e.status = 8 and e.stop_reason = 2 then 4
                   when e.status = 8 then 3
                   when o.again then 1
                   else 4
               end,
               e.attempt + case when o.again then 1 else 0 end,
               e.failures + case when e.status = 2 and o.kind in (2, 3, 4) then 1 else 0 end,
               case when not o.again then clock_timestamp() end,
               case when o.kind <> 1 then coalesce(($6::text[])[o.place], e.error) end,
               case when o.kind = 1 then ($7::text[])[o.place] end
        from (
            select place, kind, e.status = 2 and kind <> 1 and (kind = 5 or e.failures < e.retries) as again
            from (select place, ($5::smallint[])[place] as kind
                  from (select width_bucket(e.id, $1::uuid[]) as place offset 0) as found offset 0) as reported
        ) as o
    ),
        grant_id = case when e.grant_id > 0 then -e.grant_id end
    where e.id = any ($1::uuid[]) and e.status in (2, 8)
      and e.attempt = ($2::integer[])[width_bucket(e.id, $1::uuid[])]
      and e.worker_id = ($3::uuid[])[width_bucket(e.id, $1::uuid[])]
      and e.session = ($4::bigint[])[width_bucket(e.id, $1::uuid[])]
    returning e.id, e.status, e.worker_id, e.session, e.started_at, e.failures, e.retry_delay_ms, e.losses,
              -e.grant_id as grant_id
),
waiting as (
    select applied.*, place, ($5::smallint[])[place] as kind
    from applied cross join lateral (select width_bucket(id, $1::uuid[]) as place) as found
    where status = 1
),
noted as (
    insert into internal.attempts (execution_id, attempt, worker_id, session, started_at, ending, error)
    select id, ($2::integer[])[place], worker_id, session, started_at,
           case kind when 4 then 'timed-out' when 5 then 'returned' else 'failed' end, ($6::text[])[place]
    from waiting
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
    from waiting
),
ended as materialized (
    select grant_id, count(*)::integer as n from applied where grant_id is not null group by grant_id
),
locked as materialized (
    select g.id, g.unended from internal.grants g
    where g.id = any (array(select grant_id from ended)) and g.unended > 0
    for update skip locked
),
counted as materialized (
    select l.id, l.unended - e.n as unended from locked l join ended e on e.grant_id = l.id
),
lessened as (
    update internal.grants g set unended = c.unended from counted c where g.id = c.id and c.unended > 0
),
gone as (
    delete from internal.grants where id = any (array(select id from counted where unended <= 0))
)
select count(*) as matched, count(*) filter (where status = 1) as again,
       count(*) filter (where status = 7) as succeeded, count(*) filter (where status = 4) as failed,
       count(*) filter (where status = 3) as canceled
from applied
