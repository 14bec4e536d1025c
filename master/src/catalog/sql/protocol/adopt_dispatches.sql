-- A dead master's dispatches that the broker has not confirmed: they are ours now. $1 dead, $2 ours.
update internal.dispatches set master_id = $2, published_at = clock_timestamp()
where master_id = $1 and confirmed_at is null
returning id, pool, priority, ids, attempts
