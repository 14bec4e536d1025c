-- The pools that workers serve, or that executions were sent to; of the ad hoc ones those that are open.
select distinct unnest(pools) as pool from internal.workers
union
select distinct pool from internal.counts where pool not like '\_workers-%'
union
select name from internal.ad_hoc_pools where open
