-- From now on it counts no more; the leader releases what stands in its line, and then removes the row. $1 name.
update internal.limits set removed_at = clock_timestamp() where name = $1 and removed_at is null
