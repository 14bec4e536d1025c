-- The pools that workers serve, or that executions were sent to.
select distinct unnest(pools) as pool from internal.workers
union
select distinct pool from internal.counts
