-- Hellos of one worker come one after the other. $1 worker.
select from internal.workers where id = $1 for update
