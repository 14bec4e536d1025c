-- An authority of the masters' own, and invitations for workers. Additive: a master of the version before goes on
-- working on it.

insert into internal.compatibility (version, works_from) select 9, max(works_from) from internal.compatibility;

-- At most one row: all masters of a catalog show certificates of the same authority.
create table internal.tls_authority (
    one         boolean primary key default true check (one),
    certificate text not null,
    -- Sealed as sensitive values are.
    key         bytea not null,
    created_at  timestamptz not null default clock_timestamp()
);

-- Only the SHA-256 of an invitation's secret is kept. It is good once, and not for long.
create table internal.invitations (
    id         bigint generated always as identity primary key,
    hash       bytea not null unique check (octet_length(hash) = 32),
    pools      text[] not null,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    expires_at timestamptz not null,
    used_at    timestamptz,
    -- The host that it was used on, as it called itself.
    used_by    text
);
