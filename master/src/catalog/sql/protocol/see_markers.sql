-- Workers say that these markers came out of their queues. $1 markers.
update internal.markers set seen_at = clock_timestamp() where id = any ($1::uuid[]) and seen_at is null
