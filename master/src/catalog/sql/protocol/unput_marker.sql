-- The marker was refused: as one that has been and found nothing, it leaves the count of those before, and the next
-- one waits its time. $1 marker.
update internal.markers set seen_at = clock_timestamp(), swept_at = clock_timestamp(), found = 0
where id = $1 and seen_at is null
