-- A schedule that is about to go on. $1 name, $2 the folders that are reached; null: all.
select cron, timezone, next_at is not null as goes_on, clock_timestamp() as now
from internal.schedules
where name = $1 and ($2::text[] is null or folder = any ($2))
for update
