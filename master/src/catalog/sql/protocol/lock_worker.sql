-- Hellos of one worker come one after another, its very first ones too: there is no row to lock yet. $1 worker.
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 1396918593))
