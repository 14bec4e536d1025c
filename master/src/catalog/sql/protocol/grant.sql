-- Move Grant: pending → running, for those claims that find their execution pending. One row of grants for all.
-- `= any` finds each row by its key on any statistics; without it a fresh partition is joined row by row.
-- $1 ids (sorted), $2 attempts, $3 claim numbers, $4 worker, $5 session, $6 pools.
with claims as (
    select * from unnest($1::uuid[], $2::integer[], $3::bigint[]) as c (id, attempt, number)
),
granted as (
    update internal.executions e
    set status = 2, worker_id = $4, session = $5, claim = c.number, started_at = clock_timestamp()
    from claims c
    where e.id = c.id and e.id = any ($1) and e.attempt = c.attempt and e.status = 5
      and e.pool = any ($6::text[]) and (e.start_deadline is null or e.start_deadline > clock_timestamp())
    returning e.id, e.attempt
),
noted as (
    insert into internal.grants (worker_id, session, ids, attempts)
    select $4, $5, array_agg(id), array_agg(attempt) from granted having count(*) > 0
)
select count(*) from granted
