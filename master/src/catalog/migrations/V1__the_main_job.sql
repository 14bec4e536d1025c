-- The catalog of Scaleout. Schema `internal` holds the tables, schema `catalog` the public views.
-- Status numbers are SSISDB's: 1 created, 2 running, 3 canceled, 4 failed, 5 pending, 6 unexpected,
-- 7 succeeded, 8 stopping. A shipped migration is never edited.

create schema internal;
create schema catalog;

------------------------------------------------------------------------------------------------- projects

create table internal.folders (
    id          bigint generated always as identity primary key,
    name        text not null unique,
    description text not null default '',
    created_at  timestamptz not null default clock_timestamp()
);

create table internal.projects (
    id                 bigint generated always as identity primary key,
    folder_id          bigint not null references internal.folders,
    name               text not null,
    current_version_id bigint,
    created_at         timestamptz not null default clock_timestamp(),
    unique (folder_id, name)
);

-- Content-addressed: two versions with the same bytes share one bundle.
create table internal.bundles (
    hash       bytea primary key check (octet_length(hash) = 32),
    content    bytea not null,
    created_at timestamptz not null default clock_timestamp()
);
alter table internal.bundles alter column content set storage external;

create table internal.project_versions (
    id          bigint generated always as identity primary key,
    project_id  bigint not null references internal.projects,
    version     integer not null,
    bundle      bytea not null references internal.bundles,
    description text not null,
    -- The project's own parameters as the package language describes them.
    parameters  jsonb not null,
    deployed_at timestamptz not null default clock_timestamp(),
    deployed_by text not null,
    unique (project_id, version)
);
alter table internal.projects
    add foreign key (current_version_id) references internal.project_versions;

create table internal.packages (
    id          bigint generated always as identity primary key,
    version_id  bigint not null references internal.project_versions,
    name        text not null,
    description text not null,
    -- What enqueueing needs to know: the package's parameters.
    manifest    jsonb not null,
    unique (version_id, name)
);

-- Values set with `project set`; kept over deploys. Sensitive ones are sealed.
create table internal.project_values (
    project_id bigint not null references internal.projects,
    name       text not null,
    value      jsonb,
    sealed     bytea,
    set_at     timestamptz not null default clock_timestamp(),
    set_by     text not null,
    primary key (project_id, name),
    check ((value is null) <> (sealed is null))
);

------------------------------------------------------------------------------------------------- access

-- Only the SHA-256 of a token is kept.
create table internal.tokens (
    id         bigint generated always as identity primary key,
    name       text not null,
    hash       bytea not null unique check (octet_length(hash) = 32),
    role       text not null check (role in ('admin', 'operator', 'worker', 'reader')),
    created_at timestamptz not null default clock_timestamp(),
    revoked_at timestamptz
);
create unique index tokens_name on internal.tokens (name) where revoked_at is null;

------------------------------------------------------------------------------------------------- masters

-- A living master holds the advisory lock (1396918593, lock_key) in one session of its own.
create table internal.masters (
    id              uuid primary key,
    lock_key        integer generated always as identity,
    host            text not null,
    address         text not null,
    version         text not null,
    leader          boolean not null default false,
    started_at      timestamptz not null default clock_timestamp(),
    seen_at         timestamptz not null default clock_timestamp(),
    -- Since when it has consumed claims without a break; null while it does not.
    consuming_since timestamptz,
    -- The database's time before its last round trip on the channel that consumes claims.
    proved_at       timestamptz
) with (fillfactor = 50);

------------------------------------------------------------------------------------------------- workers

create table internal.workers (
    id              uuid primary key,
    name            text not null,
    machine         text not null,
    host            text not null,
    user_account    text not null,
    version         text not null,
    description     text not null default '',
    tags            text[] not null default '{}',
    capacity        integer not null,
    pools           text[] not null,
    enabled         boolean not null default true,
    draining        boolean not null default false,
    -- The highest session counter seen; a hello not above it changes nothing.
    session_counter bigint not null default 0,
    registered_at   timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

create table internal.sessions (
    worker_id    uuid not null references internal.workers,
    counter      bigint not null,
    -- Tells a repeated hello from that of a copied data folder.
    nonce        uuid not null,
    inbox        text not null,
    started_at   timestamptz not null default clock_timestamp(),
    heartbeat_at timestamptz not null default clock_timestamp(),
    lease_until  timestamptz not null,
    ended_at     timestamptz,
    -- Why it ended: superseded, lease-lost, drained.
    ending       text,
    primary key (worker_id, counter)
) with (fillfactor = 50);

------------------------------------------------------------------------------------------------- executions

create table internal.batches (
    id           uuid primary key,
    created_at   timestamptz not null,
    caller       text not null,
    executions   bigint not null,
    -- SHA-256 of the request: the same id with another request is refused.
    request_hash bytea not null,
    first_id     uuid not null,
    last_id      uuid not null
);

-- The project's values as they were when the batch was accepted.
create table internal.batch_packages (
    batch_id   uuid not null references internal.batches,
    package_id bigint not null references internal.packages,
    project_values        text not null,
    sealed_project_values bytea,
    primary key (batch_id, package_id)
);

-- Partitioned by id: a UUIDv7, so by time. Updated in place: no index may mention a column that changes while
-- an execution lives. No foreign keys: they would be checked for each of thousands of rows a second.
create table internal.executions (
    id                uuid not null,
    batch_id          uuid not null,
    package_id        bigint not null,
    retry_delay_ms    bigint not null,
    timeout_ms        bigint,
    start_deadline    timestamptz,
    retries           integer not null,
    priority          smallint not null,
    -- What changes.
    status            smallint not null,
    attempt           integer not null default 1,
    failures          integer not null default 0,
    losses            integer not null default 0,
    -- Who holds it while it is running or stopping, else who held it last.
    worker_id         uuid,
    session           bigint,
    claim             bigint,
    started_at        timestamptz,
    ended_at          timestamptz,
    stop_at           timestamptz,
    -- 1 a user, 2 overdue; while stopping.
    stop_reason       smallint,
    -- Texts last.
    pool              text not null,
    -- JSON objects, name to value; the sensitive ones sealed.
    parameters        text,
    sealed_parameters bytea,
    error             text,
    result            text,
    primary key (id)
) partition by range (id);

-- Attempts that did not end their execution.
create table internal.attempts (
    execution_id uuid not null,
    attempt      integer not null,
    worker_id    uuid,
    session      bigint,
    started_at   timestamptz,
    ended_at     timestamptz not null default clock_timestamp(),
    ending       text not null,
    error        text,
    primary key (execution_id, attempt)
) partition by range (execution_id);

-- What processes print and what happens to tasks. The key makes a record delivered twice one row.
create table internal.messages (
    execution_id uuid not null,
    sequence     bigint not null,
    attempt      integer not null,
    kind         smallint not null,
    source       smallint not null,
    at           timestamptz not null,
    path         text not null,
    text         text not null,
    primary key (execution_id, attempt, sequence)
) partition by range (execution_id);

------------------------------------------------------------------------------------------------- side tables
-- Small tables for what must be found by changing state.

-- Executions that wait for a claim and whose messages a master has to publish.
create table internal.dispatches (
    id           bigint generated always as identity primary key,
    master_id    uuid not null,
    created_at   timestamptz not null default clock_timestamp(),
    published_at timestamptz not null default clock_timestamp(),
    confirmed_at timestamptz,
    priority     smallint not null,
    pool         text not null,
    ids          uuid[] not null,
    attempts     integer[] not null
) with (fillfactor = 70);

-- What each session was granted, a row per claim message, until all of it has ended.
create table internal.grants (
    id         bigint generated always as identity primary key,
    worker_id  uuid not null,
    session    bigint not null,
    granted_at timestamptz not null default clock_timestamp(),
    ids        uuid[] not null,
    attempts   integer[] not null
);
create index grants_session on internal.grants (worker_id, session);

-- Created executions and when they become pending.
create table internal.due (
    due_at       timestamptz not null,
    execution_id uuid not null,
    primary key (due_at, execution_id)
);

-- How many executions stand where, for display. In slots, so that transactions do not wait for each other.
create table internal.counts (
    pool   text not null,
    status smallint not null,
    slot   smallint not null,
    n      bigint not null,
    primary key (pool, status, slot)
) with (fillfactor = 50);

create function internal.count_inserted() returns trigger language plpgsql as $$
begin
    insert into internal.counts as c (pool, status, slot, n)
    select pool, status, pg_backend_pid() % 16, count(*) from inserted group by pool, status order by pool, status
    on conflict (pool, status, slot) do update set n = c.n + excluded.n;
    return null;
end $$;

create function internal.count_updated() returns trigger language plpgsql as $$
begin
    insert into internal.counts as c (pool, status, slot, n)
    select pool, status, pg_backend_pid() % 16, sum(n)
    from (select pool, status, 1 as n from after_update union all select pool, status, -1 from before_update) as changes
    group by pool, status having sum(n) <> 0 order by pool, status
    on conflict (pool, status, slot) do update set n = c.n + excluded.n;
    return null;
end $$;

-- A transaction that inserts for long switches this off and counts at its end (set_config 'scaleout.counting'),
-- lest others wait for its slot.
create trigger count_inserted after insert on internal.executions
    referencing new table as inserted
    for each statement when (current_setting('scaleout.counting', true) is distinct from 'off')
    execute function internal.count_inserted();
create trigger count_updated after update on internal.executions
    referencing old table as before_update new table as after_update
    for each statement execute function internal.count_updated();

------------------------------------------------------------------------------------------------- partitions

-- The smallest UUIDv7 of a moment.
create function internal.first_id_at(moment timestamptz) returns uuid language sql immutable as $$
    select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- When an execution was accepted: the time in its id, by the database's clock, in milliseconds.
create function internal.accepted_at(id uuid) returns timestamptz language sql immutable as $$
    select to_timestamp(('x' || lpad(substr(replace(id::text, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint / 1000.0)
$$;

-- Makes the partitions of the days `first_day` … `first_day + days - 1` (UTC) that are not there yet, and says
-- how many it made. `attach` locks less than `create table … partition of`.
create function internal.make_partitions(first_day date, days integer) returns integer language plpgsql as $$
declare
    parent text;
    fill   integer;
    day    date;
    child  text;
    made   integer := 0;
begin
    perform pg_advisory_xact_lock(1396918593, -1);
    for day in select first_day + n from generate_series(0, days - 1) as n loop
        foreach parent in array array['executions', 'attempts', 'messages'] loop
            child := parent || '_' || to_char(day, 'YYYYMMDD');
            continue when to_regclass('internal.' || child) is not null;
            -- Executions are updated twice or more: room for the new versions in the same page (HOT).
            fill := case parent when 'executions' then 35 else 100 end;
            execute format('create table internal.%I (like internal.%I including defaults including constraints) with (fillfactor = %s)',
                           child, parent, fill);
            execute format('alter table internal.%I attach partition internal.%I for values from (%L) to (%L)',
                           parent, child,
                           internal.first_id_at(day::timestamp at time zone 'UTC'),
                           internal.first_id_at((day + 1)::timestamp at time zone 'UTC'));
            made := made + 1;
        end loop;
    end loop;
    return made;
end $$;

select internal.make_partitions((clock_timestamp() at time zone 'UTC')::date - 1, 5);

------------------------------------------------------------------------------------------------- public views

create view catalog.folders as
select id as folder_id, name, description, created_at as created_time from internal.folders;

create view catalog.projects as
select p.id as project_id, p.folder_id, f.name as folder_name, p.name, v.description,
       v.version as object_version_lsn, v.deployed_by as deployed_by_name, v.deployed_at as last_deployed_time,
       p.created_at as created_time, encode(v.bundle, 'hex') as bundle
from internal.projects p
join internal.folders f on f.id = p.folder_id
join internal.project_versions v on v.id = p.current_version_id;

create view catalog.packages as
select k.id as package_id, k.name, k.description, p.id as project_id, f.name as folder_name,
       p.name as project_name, v.version as object_version_lsn
from internal.packages k
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.current_version_id = v.id
join internal.folders f on f.id = p.folder_id;

create view catalog.executions as
select e.id as execution_id, e.batch_id, f.name as folder_name, p.name as project_name, k.name as package_name,
       v.version as project_lsn, e.status,
       case e.status when 1 then 'created' when 2 then 'running' when 3 then 'canceled' when 4 then 'failed'
                     when 5 then 'pending' when 6 then 'unexpected' when 7 then 'succeeded' when 8 then 'stopping'
       end as status_name,
       internal.accepted_at(e.id) as created_time, e.started_at as start_time, e.ended_at as end_time,
       e.worker_id as worker_agent_id, e.pool, e.priority, e.attempt as executed_count, e.failures, e.losses,
       e.retries, b.caller as caller_name, e.error, e.result
from internal.executions e
join internal.batches b on b.id = e.batch_id
join internal.packages k on k.id = e.package_id
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id;

create view catalog.worker_agents as
select w.id as worker_agent_id, w.enabled as is_enabled, w.name as display_name, w.description,
       w.host as machine_name, w.tags, w.user_account, s.heartbeat_at as last_online_time,
       coalesce(s.ended_at is null and s.lease_until > clock_timestamp(), false) as is_online,
       w.capacity, w.pools, w.version, w.draining as is_draining
from internal.workers w
left join internal.sessions s on s.worker_id = w.id and s.counter = w.session_counter;

create view catalog.operation_messages as
select m.execution_id as operation_id, m.attempt, m.sequence as operation_message_id, m.at as message_time,
       m.kind as message_type, m.source as message_source_type, m.path as execution_path, m.text as message
from internal.messages m;
