-- Notes a queue's marker before it is published, so that what it promises lies before it in the queue. Of two leaders
-- one wins. $1 pool, $2 priority, $3 marker, $4 the one before (null: none).
insert into internal.markers as m (pool, priority, id, published_at, repeated_at)
values ($1, $2, $3, clock_timestamp(), clock_timestamp())
on conflict (pool, priority) do update
set id = excluded.id, published_at = excluded.published_at, repeated_at = excluded.repeated_at, seen_at = null, swept_at = null, found = null
where m.id is not distinct from $4
