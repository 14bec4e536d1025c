-- For each of the pools $1 and each priority: since when the oldest pending execution has waited, which is when its
-- dispatch row was written. A row stays until the leader's next sweep finds that none of its ids is pending, so the
-- first rows mostly hold one, and each scan ends with the first. `is_unknown`: nothing pending among the first $2 ids,
-- and there are more.
select p.pool, r.priority, oldest.since,
       oldest.since is null and (
           select count(*) = $2
           from (
               select
               from (
                   select ids from internal.dispatches
                   where pool = p.pool and priority = r.priority order by created_at limit $2
               ) as d
               cross join unnest(d.ids)
               limit $2
           ) as looked
       ) as is_unknown
from unnest($1::text[]) as p (pool)
cross join (values (0::smallint), (1::smallint), (2::smallint)) as r (priority)
left join lateral (
    select looked.created_at as since
    from (
        select d.created_at, u.id, u.attempt
        from (
            select created_at, ids, attempts from internal.dispatches
            where pool = p.pool and priority = r.priority order by created_at limit $2
        ) as d
        cross join unnest(d.ids, d.attempts) as u (id, attempt)
        limit $2
    ) as looked
    cross join lateral (
        select from internal.executions e
        where e.id = looked.id and e.attempt = looked.attempt and e.status = 5 limit 1
    ) as found
    limit 1
) as oldest on true
