-- Removes rows that are past retention, the oldest first: they stand in the order of their ids, so that no more is looked
-- at than goes. $1 seconds that they are kept, $2 at most.
delete from internal.audit
where id = any (array(
    select id from (select id, at from internal.audit order by id limit $2) as first
    where at < clock_timestamp() - make_interval(secs => $1)
))
