-- Tokens that reach some folders only or end by themselves, and who did what. Additive: a master of the version before
-- goes on working on it; it knows no token of the new kinds (see `hash`), and writes nothing into the audit.

insert into internal.compatibility (version, works_from) select 10, max(works_from) from internal.compatibility;

------------------------------------------------------------------------------------------------- tokens

-- `hash` of a token that is bounded (folders, expires_at) is the SHA-256 of what it would be otherwise: a master of the
-- version before, which knows of no bounds, does not find it.
alter table internal.tokens
    -- What it reaches; null: all folders.
    add column folders    text[] check (folders is null or (cardinality(folders) between 1 and 100 and role in ('operator', 'reader'))),
    -- From then on it opens nothing; null: never.
    add column expires_at timestamptz,
    -- When a master last looked it up, to some minutes.
    add column used_at    timestamptz;

------------------------------------------------------------------------------------------------- audit

-- Who did what, in the order of `id`. One row for each request, not for each execution of it. No index but the key: an
-- enqueue writes here, and lists walk it from the newest on.
create table internal.audit (
    id         bigint generated always as identity primary key,
    at         timestamptz not null default clock_timestamp(),
    -- The token's name; "the catalog's owner" for who works on the catalog directly; "unknown" for who has no token.
    who        text not null,
    -- The token's; null: it was none.
    role       text,
    action     text not null,
    object     text not null default '',
    -- The batch, or the request's id, which is the same.
    request_id uuid,
    result     text not null check (result in ('done', 'refused')),
    -- How often, until the next row of the same: only refusals are more than one.
    times      bigint not null default 1,
    -- Never a value of a parameter, never a secret.
    detail     text not null default '',
    -- The address that the request came from, if known.
    remote     text
);

-- Rows are added, and go when they are past retention; none is ever changed.
create function internal.keep_audit() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('scaleout.audit_retention', true) = 'on' then
        return old;
    end if;
    raise exception 'internal.audit is only added to; what is past the setting retention.audit_days is removed by masters and by `scaleout catalog purge`';
end $$;
create trigger keep_audit before update or delete on internal.audit
    for each row execute function internal.keep_audit();
create trigger keep_audit_whole before truncate on internal.audit
    for each statement execute function internal.keep_audit();

create view catalog.audit as
select id as audit_id, at as audit_time, who as caller_name, role as caller_role, action, object as object_name,
       request_id as batch_id, result, times, detail, remote as client_address
from internal.audit;
