-- Removes closed sets of workers that nothing in the catalog can refer to any more, with what was counted of them,
-- which must be nothing. $1 the first day (UTC) of which there is anything, $2 at most.
with gone as (
    select p.name from internal.ad_hoc_pools p
    where not p.open and not p.queues and p.used_at < ($1::date - 1)::timestamp at time zone 'UTC'
      and not exists (
          select from internal.counts c where c.pool = p.name group by c.status having sum(c.n) <> 0)
    order by p.name limit $2
    for update skip locked
),
counted as (
    delete from internal.counts where pool in (select name from gone)
)
delete from internal.ad_hoc_pools where name in (select name from gone)
