-- The marker was not published: the next one need not wait for it. As one that has been and found nothing, it leaves
-- the count of those before. $1 marker.
update internal.markers set published_at = '2000-01-01', seen_at = clock_timestamp(), swept_at = clock_timestamp(), found = 0
where id = $1 and seen_at is null
