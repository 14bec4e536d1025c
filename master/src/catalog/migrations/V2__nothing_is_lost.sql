-- What the promises of the protocol need beside the main job: the broker's epoch, markers, and which builds may work
-- on which catalog. Additive: a master of the version before goes on working on it.

------------------------------------------------------------------------------------------------- upgrades

-- Which builds may work on a catalog of this version: those that were made for version `works_from` or later.
create table internal.compatibility (
    version    integer primary key,
    works_from integer not null check (works_from <= version)
);
insert into internal.compatibility (version, works_from) values (1, 1), (2, 1);

------------------------------------------------------------------------------------------------- the broker

-- The broker's epoch names its sentinel queue. A broker without that queue has lost what it held: one master raises
-- the epoch, and with it everything pending that was accepted so far gets dispatch rows anew. That is done in steps,
-- and the row says how far it has come: whoever finds it unfinished goes on.
create table internal.broker_epoch (
    only_row   boolean primary key default true check (only_row),
    epoch      bigint not null,
    -- The mark in the sentinel's name, of the master that declared it.
    sentinel   uuid not null default gen_random_uuid(),
    changed_at timestamptz not null default clock_timestamp(),
    -- 0 the first, 1 its sentinel was gone, 2 somebody ran `scaleout broker rebuild`.
    reason     smallint not null,
    -- The executions up to this one have been looked at; null: all have.
    looked_to  uuid,
    -- How many were found pending and dispatched again in this epoch.
    dispatched bigint not null default 0
);
insert into internal.broker_epoch (epoch, reason) values (1, 0);

-- The one outstanding marker of each task queue.
create table internal.markers (
    pool         text not null,
    priority     smallint not null,
    id           uuid not null unique,
    -- When it was first published: what was confirmed before lies before every copy of it.
    published_at timestamptz not null,
    -- When it was last published: one that does not come out may have been lost itself.
    repeated_at  timestamptz not null,
    -- When a worker reported that it came out of the queue.
    seen_at      timestamptz,
    -- When what it showed was dispatched again, and how many executions that were.
    swept_at     timestamptz,
    found        bigint,
    -- With all markers of this queue before it.
    found_so_far bigint not null default 0,
    primary key (pool, priority)
);

------------------------------------------------------------------------------------------------- explaining

-- What `explain` and `status` look up while a million executions wait. The first two mention nothing that changes
-- while a row lives, so confirming a dispatch stays the one update that is not in place.
create index dispatches_place on internal.dispatches (pool, priority, created_at);
create index due_execution on internal.due (execution_id);
create index dispatches_unconfirmed on internal.dispatches (id) where confirmed_at is null;

------------------------------------------------------------------------------------------------- retention

-- Batches go when the day of their executions has gone; this finds them. While it is made, requests wait.
create index batches_first_id on internal.batches (first_id);

-- Drops a detached partition and says how many executions it held. They leave the counts in the same transaction,
-- in a slot that only this function writes, so that nobody waits for it. Null: an execution there has not ended,
-- and everything stays as it is. Locks no other table; the caller sets lock_timeout.
create function internal.drop_partition(child text) returns bigint language plpgsql as $$
declare
    held boolean;
    gone bigint := 0;
begin
    execute format('lock table internal.%I in access exclusive mode', child);
    if (select relispartition from pg_class where oid = format('internal.%I', child)::regclass) then
        raise exception 'internal.% is a partition: it has to be detached before it is dropped', child;
    end if;
    if child like 'executions%' then
        execute format('select exists (select from internal.%I where status not in (3, 4, 6, 7))', child) into held;
        if held then
            return null;
        end if;
        execute format('
            with held as materialized (
                select pool, status, count(*) as n from internal.%I group by pool, status
            ),
            subtracted as (
                insert into internal.counts as c (pool, status, slot, n)
                select pool, status, 16, -n from held order by pool, status
                on conflict (pool, status, slot) do update set n = c.n + excluded.n
            )
            select coalesce(sum(n), 0)::bigint from held', child) into gone;
    end if;
    execute format('drop table internal.%I', child);
    return gone;
end $$;

-- Attaches a partition that was detached and may not go.
create function internal.attach_partition(child text) returns void language plpgsql as $$
declare
    day date := to_date(split_part(child, '_', 2), 'YYYYMMDD');
begin
    execute format('alter table internal.%I attach partition internal.%I for values from (%L) to (%L)',
                   split_part(child, '_', 1), child,
                   internal.first_id_at(day::timestamp at time zone 'UTC'),
                   internal.first_id_at((day + 1)::timestamp at time zone 'UTC'));
end $$;

------------------------------------------------------------------------------------------------- claims

-- Last: heartbeats wait from here on until the migration is committed.
-- A claim of this number or below that was refused as `not-yours` is never granted afterwards: its session has
-- forgotten it, and would hold what it does not know of.
alter table internal.sessions add column refused_through bigint not null default 0;
