-- Concurrency limits. Additive: a master of the version before goes on working on it, until a limit is set: it would
-- start what has to wait, so setting the first one raises `works_from`.

insert into internal.compatibility (version, works_from) values (3, 2);

-- At most so many executions of a package, or of a key, may be pending, running or stopping at once.
create table internal.limits (
    id         bigint generated always as identity primary key,
    -- folder/project/package, or a key, which has no slashes.
    name       text not null unique,
    -- 0: none starts.
    at_most    integer not null check (at_most >= 0),
    set_at     timestamptz not null default clock_timestamp(),
    set_by     text not null,
    -- A limit that was set or lowered is brought upon what is pending: dispatch rows up to this one have been looked
    -- at. -1: those who accept may not have seen it yet; null: all has been looked at. Nothing is released meanwhile.
    applied_to bigint default -1
);

-- Executions that are due and wait for a slot, as `created`: each in the line of one of its limits that had none.
create table internal.waiting (
    limit_id     bigint not null references internal.limits,
    priority     smallint not null,
    due_at       timestamptz not null,
    execution_id uuid not null,
    primary key (limit_id, priority, due_at, execution_id)
);
create index waiting_execution on internal.waiting (execution_id);

-- Who was released within a limit. A row counts only while its execution is pending, running or stopping: the
-- execution's row says so, and a row that counts no more is removed when somebody waits for the limit.
create table internal.slots (
    limit_id     bigint not null references internal.limits on delete cascade,
    execution_id uuid not null,
    primary key (limit_id, execution_id)
);

create view internal.package_paths as
select k.id as package_id, f.name || '/' || p.name || '/' || k.name as path
from internal.packages k
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id;

-- Last: everybody waits from here on until the migration is committed. It is only a note in the system's tables.
-- Days that are detached to be dropped may have to come back: they get the column, too.
alter table internal.executions add column limit_key text;
do $$
declare
    day text;
begin
    for day in
        select c.relname from pg_class c
        where c.relnamespace = 'internal'::regnamespace and c.relkind = 'r' and not c.relispartition
          and c.relname ~ '^executions_[0-9]{8}$'
    loop
        execute format('alter table internal.%I add column if not exists limit_key text', day);
    end loop;
end $$;
