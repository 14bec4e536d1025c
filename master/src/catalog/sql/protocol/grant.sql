-- Move Grant: pending → running, for those claims that find their execution pending. One row of grants for all.
-- No join: on a partition without statistics it would read the claims once for each row. `width_bucket` finds the
-- last place of an id among the sorted ones by halving: that of its latest attempt. A start deadline is one of the
-- first attempt only: what had started in time may be tried again after it.
-- Which pools the worker serves is read here, by a statement that began when the session's row was locked: whoever
-- disables the worker or takes a pool from it locks that row, too, so that nothing is granted afterwards. They are given
-- back, for the answers must go by the same; and what was granted, as claimed.sql gives what was not.
-- $1 ids (sorted), $2 attempts, $3 claim numbers, $4 worker, $5 session.
with served as materialized (
    select w.pools from internal.workers w where w.id = $4 and w.enabled
),
numbered as materialized (
    select nextval('internal.grants_id_seq') as id
),
granted as (
    update internal.executions e
    set status = 2, worker_id = $4, session = $5, claim = ($3::bigint[])[width_bucket(e.id, $1::uuid[])],
        started_at = clock_timestamp(), grant_id = (select id from numbered)
    where e.id = any ($1::uuid[]) and e.attempt = ($2::integer[])[width_bucket(e.id, $1::uuid[])] and e.status = 5
      and e.pool = any ((select pools from served)::text[])
      and (e.start_deadline is null or e.attempt > 1 or e.start_deadline > clock_timestamp())
    returning e.id, e.status, e.attempt, e.worker_id, e.session, e.claim, true as allowed, false as late,
              e.batch_id, e.package_id, e.parameters, e.sealed_parameters is not null as sealed,
              e.losses, e.logging_level, e.timeout_ms, e.timeout_ms as time_left_ms
),
noted as (
    insert into internal.grants (id, worker_id, session, ids, attempts, unended) overriding system value
    select (select id from numbered), $4, $5, array_agg(id), array_agg(attempt), count(*) from granted having count(*) > 0
)
select asked.pools, asked.now, granted.*
from (select coalesce((select pools from served), '{}') as pools, clock_timestamp() as now) as asked
left join granted on true
