-- Who works on the catalog directly has no role; its address is the one that PostgreSQL sees. $1 who, $2 role, $3 action,
-- $4 object, $5 batch, $6 result, $7 how often, $8 detail, $9 address.
insert into internal.audit (who, role, action, object, request_id, result, times, detail, remote)
values ($1, $2, $3, $4, $5, $6, $7, $8,
        coalesce($9, case when $2::text is null and $6 = 'done' then host(inet_client_addr()) end))
