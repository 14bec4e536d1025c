-- Only one master adopts a dead one's work, and only while it is dead. $1 key.
select pg_try_advisory_xact_lock(1396918593, $1)
