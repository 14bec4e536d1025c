-- A grant goes with the last of its executions. Additive: what a master of the version before grants has no number and is
-- swept as before, and so is what it applies.

insert into internal.compatibility (version, works_from) select 13, max(works_from) from internal.compatibility;

-- The grant of the attempt that runs, or of the last one that ran.
alter table internal.executions add column grant_id bigint;
-- How many of its executions still run, by those outcomes that have been counted: never fewer than do.
alter table internal.grants add column unended integer;
