-- Workers that operators change by command, and workers chosen one by one. Additive: a master of the version before
-- goes on working on it.

insert into internal.compatibility (version, works_from) select 5, max(works_from) from internal.compatibility;

------------------------------------------------------------------------------------------------- workers

-- `pools` is what a worker serves, as before. From here on a trigger makes it of three parts.
alter table internal.workers
    -- What its settings name, as its last hello said.
    add column settings_pools text[] not null default '{}',
    -- What `worker set` put in their place; null: nothing.
    add column command_pools  text[];
update internal.workers set settings_pools = pools;

------------------------------------------------------------------------------------------------- chosen workers

-- A set of workers that executions were enqueued for, as a pool: its name begins with `_workers-`, and goes on with
-- digits that stand for its members. Closed while nothing of it waits or runs: its members do not serve it then, and
-- its queues go. The row stays as long as executions may tell of it.
create table internal.ad_hoc_pools (
    name       text primary key check (name like '\_workers-%'),
    -- Sorted.
    workers    uuid[] not null check (cardinality(workers) between 1 and 100),
    open       boolean not null default true,
    -- Its queues may be with the broker still.
    queues     boolean not null default true,
    created_at timestamptz not null default clock_timestamp(),
    -- When executions were last enqueued for it, or it was opened again for some that it had.
    used_at    timestamptz not null default clock_timestamp(),
    closed_at  timestamptz
);
create index ad_hoc_pools_open on internal.ad_hoc_pools (name) where open;

-- What a worker serves: the pools of its settings, or those given by command, and the open sets that it belongs to. A
-- trigger, so that a master of the version before, whose hello writes `pools` alone, takes nothing away. Whoever
-- opens or closes a set touches its members (`set pools = pools`) in the same transaction.
create function internal.serve_pools() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or new.session_counter <> old.session_counter or new.pools <> old.pools then
        new.settings_pools := array(
            select pool from unnest(new.pools) with ordinality as said (pool, place)
            where pool not like '\_workers-%' order by place);
    end if;
    new.pools := coalesce(new.command_pools, new.settings_pools)
        || array(select name from internal.ad_hoc_pools where open and new.id = any (workers) order by name);
    return new;
end $$;

create trigger serve_pools before insert or update of pools, command_pools on internal.workers
    for each row execute function internal.serve_pools();
