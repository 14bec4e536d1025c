-- The task queues for which the broker has confirmed messages that nobody has claimed, and those with a marker.
-- Ages in seconds.
with promised as (select distinct pool, priority from internal.dispatches where confirmed_at is not null)
select pool, priority, p.pool is not null as promised, m.id, m.swept_at is not null as swept,
       extract(epoch from clock_timestamp() - m.repeated_at)::double precision as age,
       extract(epoch from clock_timestamp() - m.seen_at)::double precision as seen_for
from promised p full join internal.markers m using (pool, priority)
order by pool, priority
