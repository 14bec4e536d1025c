-- How many there are, whether $1 is one of them, in which folder, and whether that one is paused.
select count(*) as n, bool_or(name = $1) is true as there, max(folder) filter (where name = $1) as folder,
       bool_or(name = $1 and paused_at is not null) is true as paused, clock_timestamp() as now
from internal.schedules
