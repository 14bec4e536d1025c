insert into internal.batches (id, created_at, caller, executions, request_hash, first_id, last_id)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (id) do nothing
