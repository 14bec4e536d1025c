-- What was confirmed before a marker was published lay before it in the queue, and was delivered before it: what of it
-- is still pending a while after has lost its message. Such dispatches become new ones of this master, with only what
-- is pending; published_at as in rebuild_step.sql. A row of its own, lest a late confirm of the old one confirm it.
-- $1 marker, $2 patience in seconds, $3 master, $4 rows at most.
with marker as (
    select m.pool, m.priority, m.published_at from internal.markers m
    where m.id = $1 and m.swept_at is null and m.seen_at <= clock_timestamp() - $2 * interval '1 second'
),
old as (
    delete from internal.dispatches where id in (
        select d.id from internal.dispatches d join marker m on m.pool = d.pool and m.priority = d.priority
        where d.confirmed_at < m.published_at
        order by d.id limit $4 for update of d skip locked
    )
    returning id, created_at, pool, priority, ids, attempts
),
lost as (
    select o.pool, o.priority, o.created_at, array_agg(e.id order by e.id) as ids,
           array_agg(e.attempt order by e.id) as attempts
    from old o
    cross join unnest(o.ids, o.attempts) as u (id, attempt)
    join internal.executions e on e.id = u.id and e.attempt = u.attempt and e.status = 5
    group by o.id, o.pool, o.priority, o.created_at
),
again as (
    insert into internal.dispatches (master_id, created_at, published_at, pool, priority, ids, attempts)
    select $3, created_at, clock_timestamp() - interval '1 hour', pool, priority, ids, attempts from lost
)
select exists (select from marker) as due, (select count(*) from old) as rows, coalesce(sum(cardinality(ids)), 0)::bigint as found from lost
