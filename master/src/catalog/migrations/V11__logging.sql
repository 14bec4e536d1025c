-- How much of an execution its log keeps, and what became of its tasks. Additive: a master of the version before goes on
-- working on it; what it accepts and grants is logged as ever.

insert into internal.compatibility (version, works_from) select 11, max(works_from) from internal.compatibility;

-- As `enqueue` has it; null: what the masters' setting says when it runs.
alter table internal.schedules add column logging_level smallint check (logging_level between 0 and 3);

-- The tasks of the package, in the order of its file: [{"name", "kind", "tasks": [...]}]. Null: a version of before.
alter table internal.packages add column tree jsonb;

------------------------------------------------------------------------------------------------- executables
-- An executable is a package, container or task, as SSISDB has it.

-- A path without the iterations of loops: that of the executable in its package.
create function internal.package_path(execution_path text) returns text language sql immutable strict parallel safe as $$
    select case when strpos(execution_path, '[') = 0 then execution_path
                else regexp_replace(execution_path, '\[[0-9]+\]', '', 'g') end
$$;

-- How an executable ended, by its last message (SSISDB: 0 success, 1 failure, 3 cancelled): `load failed after 1.5s`. Null
-- if that is none.
create function internal.execution_result(message text) returns smallint language sql immutable strict parallel safe as $$
    select case substring(message from ' (succeeded|failed|was stopped)(?: after [0-9.]+(?:ms|s|m|h))?$')
           when 'succeeded' then 0 when 'failed' then 1 when 'was stopped' then 3 end::smallint
$$;

-- The executables of a package, outer before inner, in the order of its file; only itself if it was deployed before.
create function internal.executables(package text, tree jsonb)
returns table (package_path text, executable_name text, executable_type text) language sql immutable parallel safe as $$
    with recursive walk as (
        select array[]::bigint[] as place, '\Package' as package_path, package as executable_name,
               'package' as executable_type, coalesce(tree, '[]') as tasks
        union all
        select w.place || t.place,
               w.package_path || case t.task ->> 'kind' when 'event-handler' then '.EventHandlers[' || (t.task ->> 'name') || ']'
                                                        else '\' || (t.task ->> 'name') end,
               t.task ->> 'name', t.task ->> 'kind',
               coalesce(t.task -> 'tasks', '[]')
        from walk w cross join lateral jsonb_array_elements(w.tasks) with ordinality as t (task, place)
    )
    select w.package_path, w.executable_name, w.executable_type from walk w order by w.place
$$;

create view catalog.executables as
select e.id as execution_id, x.executable_name, k.name as package_name, x.package_path, x.executable_type
from internal.executions e
join internal.packages k on k.id = e.package_id
cross join lateral internal.executables(k.name, k.tree) x;

-- One row for each time that an executable ran. A container that is tried again runs what is inside it again.
create view catalog.executable_statistics as
select s.execution_id, s.attempt, s.sequence as statistics_id, internal.package_path(s.path) as package_path,
       s.path as execution_path, s.at as start_time, s.ended_at as end_time,
       (extract(epoch from s.ended_at - s.at) * 1000)::bigint as execution_duration,
       internal.execution_result(s.ending) as execution_result
from (
    select m.execution_id, m.attempt, m.sequence, m.path, m.kind, m.at,
           lead(case m.kind when 40 then m.at end) over same as ended_at,
           lead(case m.kind when 40 then m.text end) over same as ending
    from internal.messages m
    where m.kind in (30, 40)
    window same as (partition by m.execution_id, m.attempt, m.path order by m.sequence)
) s
where s.kind = 30;

create view catalog.event_messages as
select m.execution_id as operation_id, m.attempt, m.sequence as event_message_id, m.at as message_time,
       m.kind as message_type, m.source as message_source_type, m.text as message, k.name as package_name,
       case m.kind when 30 then 'OnPreExecute' when 40 then 'OnPostExecute' when 70 then 'OnInformation'
                   when 110 then 'OnWarning' when 120 then 'OnError' when 130 then 'OnTaskFailed' else 'Custom' end as event_name,
       case m.path when '\Package' then k.name
                   else substring(internal.package_path(m.path) from '[^\\]*$') end as message_source_name,
       internal.package_path(m.path) as package_path, m.path as execution_path
from internal.messages m
join internal.executions e on e.id = m.execution_id
join internal.packages k on k.id = e.package_id;

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
            -- 1: basic.
            alter table internal.executions add column logging_level smallint not null default 1;
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
        execute format('alter table internal.%I add column if not exists logging_level smallint not null default 1', day);
    end loop;
end $$;
