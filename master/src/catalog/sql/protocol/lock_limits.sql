-- One at a time releases within limits or brings them upon what is pending: what it counts must stay so until it
-- commits. Key -4 of the class of the masters' locks (-1 partitions, -2 a purge, -3 who accepts).
select pg_advisory_xact_lock(1396918593, -4)
