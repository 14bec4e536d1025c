-- Waits until nobody accepts who began before; who comes later waits for this transaction (see begin_accept.sql).
select pg_advisory_xact_lock(1396918593, -3)
