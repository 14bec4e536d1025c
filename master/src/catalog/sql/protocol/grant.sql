-- Move Grant: pending → running, for those claims that find their execution pending. One row of grants for all.
-- No join: on a partition without statistics it would read the claims once for each row. `width_bucket` finds the
-- last place of an id among the sorted ones by halving: that of its latest attempt. A start deadline is one of the
-- first attempt only: what had started in time may be tried again after it.
-- $1 ids (sorted), $2 attempts, $3 claim numbers, $4 worker, $5 session, $6 pools.
with granted as (
    update internal.executions e
    set status = 2, worker_id = $4, session = $5, claim = ($3::bigint[])[width_bucket(e.id, $1::uuid[])],
        started_at = clock_timestamp()
    where e.id = any ($1::uuid[]) and e.attempt = ($2::integer[])[width_bucket(e.id, $1::uuid[])] and e.status = 5
      and e.pool = any ($6::text[])
      and (e.start_deadline is null or e.attempt > 1 or e.start_deadline > clock_timestamp())
    returning e.id, e.attempt
),
noted as (
    insert into internal.grants (worker_id, session, ids, attempts)
    select $4, $5, array_agg(id), array_agg(attempt) from granted having count(*) > 0
)
select count(*) as granted, clock_timestamp() as now from granted
