-- Closes those of the locked sets of which nothing waits or runs: what waits for its time or for a limit (created) will
-- come. A statement of its own: it must see what was enqueued before the locks were taken. $1 names.
update internal.ad_hoc_pools p
set open = false, closed_at = clock_timestamp()
where p.name = any ($1::text[])
  and (select coalesce(sum(c.n), 0) from internal.counts c where c.pool = p.name and c.status in (1, 2, 5, 8)) <= 0
  and not exists (select from internal.dispatches d where d.pool = p.name)
returning p.name, p.workers
