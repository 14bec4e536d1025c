-- The batch, and who asked for it: one row in the audit, however many executions. $1 to $7 the batch; $8 role, $9 action,
-- $10 object, $11 detail, $12 address.
with batch as (
    insert into internal.batches (id, created_at, caller, executions, request_hash, first_id, last_id)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (id) do nothing
    returning id
)
insert into internal.audit (who, role, action, object, request_id, result, detail, remote)
select $3::text, $8::text, $9::text, $10::text, id, 'done', $11::text, $12::text from batch
