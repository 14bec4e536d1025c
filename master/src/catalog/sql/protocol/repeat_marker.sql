-- A marker that has not come out is published again, as itself: the first copy may be on its way through a long
-- backlog, and whichever comes out first shows the same. Of two leaders one does it. $1 marker, $2 seconds since the
-- last time, at least.
update internal.markers set repeated_at = clock_timestamp()
where id = $1 and seen_at is null and repeated_at <= clock_timestamp() - $2 * interval '1 second'
