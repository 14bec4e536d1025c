-- The dispatch row of a pending execution, and what of its pool comes before it: rows of a higher priority, earlier
-- rows of the same, and what stands before it in its own. Bounded: $6 rows are looked through, $7 ids counted, each
-- asked for by its key, so that rows of which little still waits do not count as a whole.
-- $1 id, $2 attempt, $3 pool, $4 priority, $5 the earliest that it can have been dispatched.
with own as materialized (
    select d.id, d.master_id, d.created_at, d.confirmed_at, d.ids, d.attempts, array_position(d.ids, $1::uuid) as place
    from (
        select * from internal.dispatches
        where pool = $3 and priority = $4 and created_at >= $5
        order by created_at limit $6
    ) as d
    where d.attempts[array_position(d.ids, $1::uuid)] = $2::integer
    limit 1
),
before as (
    (select ids, attempts from internal.dispatches where pool = $3 and priority < $4
     order by priority, created_at limit $6)
    union all
    (select d.ids, d.attempts from internal.dispatches d
     where d.pool = $3 and d.priority = $4 and d.created_at <= (select created_at from own)
       and d.id <> (select id from own)
     order by d.created_at limit $6)
    union all
    (select ids[:place - 1], attempts[:place - 1] from own)
),
looked_at as materialized (
    select u.id, u.attempt from before cross join unnest(before.ids, before.attempts) as u (id, attempt) limit $7
)
select own.master_id, own.created_at, own.confirmed_at, (select count(*) from looked_at) as looked_at,
       (select count(*)
        from looked_at l
        cross join lateral (
            select from internal.executions e where e.id = l.id and e.attempt = l.attempt and e.status = 5 limit 1
        ) as waiting) as pending
from own
