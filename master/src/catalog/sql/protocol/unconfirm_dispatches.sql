-- The broker has lost the messages of dispatches that it had confirmed: they are published again as what went unconfirmed.
-- As in rebuild_step.sql they lie back, and are of this master, which takes a part at a time. $1 pool, NULL: all; $2
-- priority; $3 master.
update internal.dispatches set confirmed_at = null, master_id = $3, published_at = clock_timestamp() - interval '1 hour'
where confirmed_at is not null and ($1::text is null or pool = $1 and priority = $2::smallint)
