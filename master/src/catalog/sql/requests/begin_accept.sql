-- The moment of acceptance, read first. Counting by trigger is off for this transaction: the slot's row would be
-- locked from the first chunk to the commit of a large batch, and claims would wait for it. count_accepted.sql
-- counts at the end.
select clock_timestamp() as now, set_config('scaleout.counting', 'off', true)
