-- What a package runs inside it, in the tree of its executables. Additive: a master of the version before goes on working
-- on it, with the function of before.

insert into internal.compatibility (version, works_from) select 12, max(works_from) from internal.compatibility;

-- The executables of a package, outer before inner, in the order of its file, those of the packages that it runs
-- included; only itself if it was deployed before trees were kept. Of more than 20,000 the outer ones: packages within
-- each other may be many more than anybody reads, and are as many as they are only when they run.
create function internal.executables(package_id bigint)
returns table (package_name text, package_path text, executable_name text, executable_type text)
language sql stable parallel safe as $$
    with recursive walk as (
        select k.version_id, array[]::bigint[] as place, k.name as package_name, '\Package' as package_path,
               k.name as executable_name, 'package' as executable_type, coalesce(k.tree, '[]') as tasks
        from internal.packages k where k.id = package_id
        union all
        select w.version_id, w.place || t.place, coalesce(t.task ->> 'called', w.package_name),
               w.package_path || case when t.task ? 'called' then '\Package'
                                      when t.task ->> 'kind' = 'event-handler' then '.EventHandlers[' || (t.task ->> 'name') || ']'
                                      else '\' || (t.task ->> 'name') end,
               coalesce(t.task ->> 'called', t.task ->> 'name'), t.task ->> 'kind',
               -- The package that a task runs comes before the task's own handlers.
               case when k.name is null then '[]'
                    else jsonb_build_array(jsonb_build_object('called', k.name, 'kind', 'package', 'tasks', coalesce(k.tree, '[]')))
               end || coalesce(t.task -> 'tasks', '[]')
        from walk w
        cross join lateral jsonb_array_elements(w.tasks) with ordinality as t (task, place)
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
