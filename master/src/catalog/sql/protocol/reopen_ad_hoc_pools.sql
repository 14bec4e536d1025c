-- Opens the closed sets of workers for which something waits or runs: whatever enqueued it, somebody must serve it.
update internal.ad_hoc_pools p
set open = true, queues = true, used_at = clock_timestamp(), closed_at = null
where not p.open and (
    select coalesce(sum(c.n), 0) from internal.counts c where c.pool = p.name and c.status in (1, 2, 5, 8)
) > 0
returning p.name, p.workers
