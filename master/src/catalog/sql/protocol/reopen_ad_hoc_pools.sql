-- Opens the closed sets of workers for which something waits or runs: whatever enqueued it, somebody must serve it. The
-- counts are for display and may be wrong: what waits to be claimed has a dispatch row, and opens its set by that.
update internal.ad_hoc_pools p
set open = true, queues = true, used_at = clock_timestamp(), closed_at = null
where not p.open and (
    (select coalesce(sum(c.n), 0) from internal.counts c where c.pool = p.name and c.status in (1, 2, 5, 8)) > 0
    or exists (select from internal.dispatches d where d.pool = p.name)
)
returning p.name, p.workers
