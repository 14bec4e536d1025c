-- Status 5: pending, due at once.
insert into internal.executions
    (id, batch_id, package_id, retry_delay_ms, timeout_ms, retries, priority, status, pool, parameters,
     sealed_parameters)
select id, $1, package_id, $5, $6, $4, $3, 5, $2, plain, sealed
from unnest($7::uuid[], $8::bigint[], $9::text[], $10::bytea[]) as rows (id, package_id, plain, sealed)
