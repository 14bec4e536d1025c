-- The next executions in the order of their ids; those that are pending get dispatch rows of this master, which lie
-- back so far that its look for what went unconfirmed takes them within a second: a million need not be in memory.
-- $1 after this id, $2 executions looked at, $3 master, $4 executions in a row at most.
with looked as (
    select e.id, e.attempt, e.status, e.pool, e.priority from internal.executions e
    where e.id > $1 order by e.id limit $2
),
numbered as (
    select id, attempt, pool, priority,
           (row_number() over (partition by pool, priority order by id) - 1) / $4::bigint as part
    from looked where status = 5
),
again as (
    insert into internal.dispatches (master_id, published_at, pool, priority, ids, attempts)
    select $3, clock_timestamp() - interval '1 hour', pool, priority,
           array_agg(id order by id), array_agg(attempt order by id)
    from numbered group by pool, priority, part
)
select count(*) as looked, (select id from looked order by id desc limit 1) as looked_to,
       (select count(*) from numbered) as pending
from looked
