-- Unconfirmed dispatches of a master that has no row: it was taken for dead, went on accepting, and then did die.
-- $1 ours, $2 seconds.
update internal.dispatches d set master_id = $1, published_at = clock_timestamp()
where d.confirmed_at is null and d.published_at < clock_timestamp() - $2 * interval '1 second'
  and not exists (select from internal.masters m where m.id = d.master_id)
returning id, pool, priority, ids, attempts
