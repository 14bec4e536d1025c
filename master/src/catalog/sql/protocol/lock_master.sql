-- 1396918593 is the class of all locks of masters; key 0 is the leader's. $1 key.
select pg_try_advisory_lock(1396918593, $1)
