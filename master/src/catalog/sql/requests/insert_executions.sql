-- $11 status: 5, pending, due at once; or 1, created, and waiting for a limit.
insert into internal.executions
    (id, batch_id, package_id, retry_delay_ms, timeout_ms, retries, priority, status, pool, parameters,
     sealed_parameters, limit_key)
select id, $1, package_id, $5, $6, $4, $3, $11, $2, plain, sealed, $12
from unnest($7::uuid[], $8::bigint[], $9::text[], $10::bytea[]) as rows (id, package_id, plain, sealed)
