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
    -- It counts no more; what stands in its line is released in turn, and then it goes.
    removed_at timestamptz,
    -- A limit is brought upon what is pending, and releases nothing meanwhile: dispatch rows up to this one have been
    -- looked at. -1: it is new, and those who accept may not have seen it; -2: it was lowered, and all that is pending
    -- of it holds a slot; null: all has been looked at.
    applied_to bigint default -1,
    -- The transactions that accepted when the leader first saw a new limit. When they have ended, all have seen it.
    accepting  text[]
);

-- Executions that are due and wait for a slot, as `created`: each in the line of one of its limits that had none. No
-- foreign key: it would be checked for each of thousands of rows a second. Whoever inserts holds the limit's row, or
-- the lock of limits.
create table internal.waiting (
    limit_id     bigint not null,
    priority     smallint not null,
    due_at       timestamptz not null,
    execution_id uuid not null,
    primary key (limit_id, priority, due_at, execution_id)
);
create index waiting_execution on internal.waiting (execution_id);

-- Who was released within a limit. A row counts only while its execution is pending, running or stopping: the
-- execution's row says so, and rows that count no more are removed when the limit looks full.
create table internal.slots (
    limit_id     bigint not null references internal.limits on delete cascade,
    execution_id uuid not null,
    -- When it was due: should it be taken back, it stands where it stood.
    due_at       timestamptz not null,
    primary key (limit_id, execution_id)
);

create view internal.package_paths as
select k.id as package_id, f.name || '/' || p.name || '/' || k.name as path
from internal.packages k
join internal.project_versions v on v.id = k.version_id
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id;

-- A master of an earlier version that comes late, when limits are in use already: it would start what has to wait.
create function internal.refuse_without_limits() returns trigger language plpgsql as $$
begin
    if new.version ~ '^0[.][0-2][.]' and exists (select from internal.compatibility where works_from >= 3) then
        raise exception 'this catalog has concurrency limits, which a master of version % does not keep: run a newer build', new.version;
    end if;
    return new;
end $$;
create trigger refuse_without_limits before insert or update on internal.masters
    for each row execute function internal.refuse_without_limits();

-- Last: everybody waits from here on until the migration is committed. It is only a note in the system's tables, but
-- it wants a moment without anybody at work on executions: tried for a moment again and again, so that nobody waits
-- behind it for long. Days that are detached to be dropped may have to come back: they get the column, too.
do $$
declare
    day  text;
    done boolean := false;
begin
    set local lock_timeout = '2s';
    for try in 1 .. 60 loop
        begin
            alter table internal.executions add column limit_key text;
            done := true;
        exception when lock_not_available then
            perform pg_sleep(1);
        end;
        exit when done;
    end loop;
    if not done then
        raise exception 'executions were in use for minutes: end what reads them for long (a dump, say), and migrate again';
    end if;
    for day in
        select c.relname from pg_class c
        where c.relnamespace = 'internal'::regnamespace and c.relkind = 'r' and not c.relispartition
          and c.relname ~ '^executions_[0-9]{8}$'
    loop
        execute format('alter table internal.%I add column if not exists limit_key text', day);
    end loop;
end $$;
