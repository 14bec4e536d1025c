-- $1 name, $2 the folders that are reached; null: all.
delete from internal.schedules where name = $1 and ($2::text[] is null or folder = any ($2))
