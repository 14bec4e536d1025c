-- One at a time releases within limits, or changes them: what it counts must stay so until it commits.
select pg_advisory_xact_lock(1396918593, -2)
