-- The first days (UTC) that are kept of executions and of messages; NULL: all are.
-- $1, $2 how long they are kept, in seconds; NULL for ever.
select ((t.now - $1::double precision * interval '1 second') at time zone 'UTC')::date as executions,
       ((t.now - $2::double precision * interval '1 second') at time zone 'UTC')::date as messages
from (select clock_timestamp() as now) as t
