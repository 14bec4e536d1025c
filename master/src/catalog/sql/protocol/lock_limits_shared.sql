-- While this is held no limit begins to be applied: what is written meanwhile is looked at by that.
select pg_advisory_xact_lock_shared(1396918593, -4)
