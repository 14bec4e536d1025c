-- What a package runs inside it, in the tree of its executables. Additive: a master of the version before goes on working
-- on it, with the function of before.

insert into internal.compatibility (version, works_from) select 12, max(works_from) from internal.compatibility;

-- The executables of a package, outer before inner, in the order of its file, those of the packages that it runs
-- included; only itself if it was deployed before trees were kept, and without what runs inside if before this version.
-- Of more than 20,000 the outer ones: packages within each other may be many more than anybody reads.
-- With the rights of its owner: who may read the views of `catalog` need not read what is behind them.
create function internal.executables(package_id bigint)
returns table (package_name text, package_path text, executable_name text, executable_type text)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    with recursive walk as (
        select k.version_id, array[]::bigint[] as place, k.name as package_name, '\Package' as package_path,
               k.name as executable_name, 'package' as executable_type,
               -- A package: its tree is read when the walk comes to it, and copied into no row.
               k.id as package, null::jsonb as tasks
        from internal.packages k where k.id = package_id
        union all
        select w.version_id, w.place || t.place, case when t.task ? 'inside' then t.task ->> 'name' else w.package_name end,
               w.package_path || case when t.task ? 'inside' then '\Package'
                                      when t.task ->> 'kind' = 'event-handler' then '.EventHandlers[' || (t.task ->> 'name') || ']'
                                      else '\' || (t.task ->> 'name') end,
               t.task ->> 'name', t.task ->> 'kind', (t.task ->> 'inside')::bigint,
               -- The package that a task runs comes before the task's own handlers.
               case when k.id is null then '[]'
                    else jsonb_build_array(jsonb_build_object('inside', k.id, 'name', k.name, 'kind', 'package'))
               end || coalesce(t.task -> 'tasks', '[]')
        from walk w
        left join internal.packages own on own.id = w.package
        cross join lateral jsonb_array_elements(case when w.package is null then w.tasks else coalesce(own.tree, '[]') end)
             with ordinality as t (task, place)
        left join internal.packages k on k.version_id = w.version_id and k.name = t.task ->> 'package'
    ), bounded as (
        -- Without an order: the walk goes on only as far as it is asked for, outer ones first.
        select * from walk limit 20000
    )
    select b.package_name, b.package_path, b.executable_name, b.executable_type from bounded b order by b.place
$$;

create or replace view catalog.executables as
select e.id as execution_id, x.executable_name, x.package_name, x.package_path, x.executable_type
from internal.executions e
cross join lateral internal.executables(e.package_id) x;
