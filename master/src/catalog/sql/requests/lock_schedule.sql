-- A schedule that is about to go on. $1 name.
select cron, timezone, next_at is not null as goes_on, clock_timestamp() as now
from internal.schedules
where name = $1
for update
