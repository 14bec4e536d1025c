-- This master's dispatches that the broker has not confirmed for too long: publish them again.
-- $1 master, $2 seconds.
update internal.dispatches set published_at = clock_timestamp()
where id in (
    select id from internal.dispatches
    where master_id = $1 and confirmed_at is null and published_at < clock_timestamp() - $2 * interval '1 second'
    order by id limit 200 for update skip locked
)
returning id, pool, priority, ids, attempts
