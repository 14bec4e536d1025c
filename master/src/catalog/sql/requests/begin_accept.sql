-- The moment of acceptance, read first. Counting by trigger is off for this transaction: the slot's row would be
-- locked from the first chunk to the commit of a large batch, and claims would wait for it. count_accepted.sql
-- counts at the end. The lock tells that somebody accepts: a limit that is set waits for those who may not see it.
select clock_timestamp() as now, set_config('scaleout.counting', 'off', true),
       pg_advisory_xact_lock_shared(1396918593, -3)::text
