-- Status ($11) 5: pending, due at once; 1: created, and a row of internal.due says when it is due, or it stands in the
-- line of a limit. $14: what each is a retry of, NULL if of nothing; $15: the key of a limit; $16: the logging level.
insert into internal.executions
    (id, batch_id, package_id, retry_delay_ms, timeout_ms, retries, priority, status, pool, parameters,
     sealed_parameters, start_at, start_deadline, retry_of, limit_key, logging_level)
select id, $1, package_id, $5, $6, $4, $3, $11, $2, plain, sealed, $12, $13, retry_of, $15, $16
from unnest($7::uuid[], $8::bigint[], $9::text[], $10::bytea[], $14::uuid[])
    as rows (id, package_id, plain, sealed, retry_of)
