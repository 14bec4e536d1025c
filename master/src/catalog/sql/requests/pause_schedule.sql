-- It does not run any more; one that is paused already stays as it is. $1 name,
-- $2 the folders that are reached; null: all.
update internal.schedules
set next_at = null, revision = revision + 1, paused_at = coalesce(paused_at, clock_timestamp())
where name = $1 and ($2::text[] is null or folder = any ($2))
