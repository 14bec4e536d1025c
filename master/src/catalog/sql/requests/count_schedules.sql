-- How many there are, whether $1 is one of them, and whether that one is paused.
select count(*) as n, bool_or(name = $1) is true as there,
       bool_or(name = $1 and paused_at is not null) is true as paused, clock_timestamp() as now
from internal.schedules
