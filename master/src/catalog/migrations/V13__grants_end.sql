-- A grant goes with the last of its executions. Additive: what a master of the version before grants has no number and
-- is swept as before, and so is that of which it applies an outcome.

insert into internal.compatibility (version, works_from) select 13, max(works_from) from internal.compatibility;

-- Last, tried for a moment again and again, and with days that are detached: see V11. Who asks what a session holds
-- locks both tables in the other order.
do $$
declare
    day  text;
    done boolean := false;
begin
    set local lock_timeout = '2s';
    for try in 1 .. 60 loop
        begin
            -- The grant that its next outcome counts for; negative once one was applied, be it counted there or left to
            -- the sweep.
            alter table internal.executions add column grant_id bigint;
            -- How many of its executions still run, by those ends that have been counted: never fewer than do.
            alter table internal.grants add column unended integer;
            -- It changes while it lives, and its rows are found by worker and session: they stay in their pages.
            alter table internal.grants set (fillfactor = 50);
            done := true;
        exception when lock_not_available or deadlock_detected then
            perform pg_sleep(1);
        end;
        exit when done;
    end loop;
    if not done then
        raise exception 'executions or grants were in use for minutes: end what reads them for long (a dump, say), migrate again';
    end if;
    for day in
        select c.relname from pg_class c
        where c.relnamespace = 'internal'::regnamespace and c.relkind = 'r' and not c.relispartition
          and c.relname ~ '^executions_[0-9]{8}$'
    loop
        execute format('alter table internal.%I add column if not exists grant_id bigint', day);
    end loop;
end $$;
