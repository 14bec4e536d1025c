-- How many executions of each pool stand where, and how many slots the workers have that take work from it: one that
-- serves several pools counts in each. $1 pools at most, those first in which most waits; `pools` says how many there
-- are. Statuses of which there is none have no row, a pool without any has one with NULL. Slots of counts are summed
-- over transactions that may still be under way: never show less than none. Sets of chosen workers that are closed
-- are left out, and of those with as much waiting they come last.
with counted as (
    select pool, status, greatest(sum(n), 0)::bigint as n from internal.counts
    where pool not like '\_workers-%' or pool in (select name from internal.ad_hoc_pools where open)
    group by pool, status
),
served as (
    select u.pool, sum(w.capacity) as slots
    from internal.workers w
    join internal.sessions s on s.worker_id = w.id and s.counter = w.session_counter
    cross join unnest(w.pools) as u (pool)
    where w.enabled and not w.draining and s.ended_at is null and s.lease_until > clock_timestamp()
    group by u.pool
),
known as (
    select pool, coalesce(c.waiting, 0) as waiting, coalesce(s.slots, 0) as slots, count(*) over () as pools
    from (select pool, sum(n) filter (where status = 5) as waiting from counted group by pool) as c
    full join served s using (pool)
    order by waiting desc, pool like '\_workers-%', pool
    limit $1
)
select k.pool, k.slots, k.pools, c.status, c.n
from known k
left join counted c on c.pool = k.pool and c.n > 0
order by k.pool, c.status
