-- $1 master, $2 since when it consumes claims, $3 the database's time before its last round trip to the broker,
-- $4 whether it leads.
update internal.masters
set seen_at = clock_timestamp(), consuming_since = $2, proved_at = $3, leader = $4
where id = $1
