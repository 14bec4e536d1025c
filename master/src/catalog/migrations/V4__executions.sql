-- When executions may start, until when they must have, and which of them are retries. Additive: a master of the
-- version before goes on working on it; what it accepts has none of this.

insert into internal.compatibility (version, works_from) values (4, 2);

-- Executions that must have started by a time. A row is removed when its time has come, whatever has become of the
-- execution: starting one touches nothing here.
create table internal.start_deadlines (
    deadline     timestamptz not null,
    execution_id uuid not null,
    primary key (deadline, execution_id)
);

-- Which executions are retries of which; the other way round stands with the execution (`retry_of`).
create table internal.retries (
    retried      uuid not null,
    execution_id uuid not null,
    primary key (retried, execution_id)
);

------------------------------------------------------------------------------------------------- executions

-- Last: executions wait from here on until the migration is committed.
-- A day that was detached and not dropped yet may come back, and then has to have the columns of the others.
do $$
declare
    child text;
begin
    for child in
        select relname from pg_class
        where relnamespace = 'internal'::regnamespace and relkind = 'r' and not relispartition
          and relname ~ '^executions_[0-9]{8}$'
    loop
        execute format('alter table internal.%I add column start_at timestamptz, add column retry_of uuid', child);
    end loop;
end $$;

-- Neither ever changes. `start_at`: not due before; null, due when it was accepted.
alter table internal.executions add column start_at timestamptz, add column retry_of uuid;
