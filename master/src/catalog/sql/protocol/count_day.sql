-- The executions of a day, and how many of them keep it: they have not ended, or only just now. $1 day,
-- $2 how long ago an execution must have ended, in seconds.
select count(*) as rows,
       count(*) filter (where status not in (3, 4, 6, 7)
                           or ended_at > clock_timestamp() - $2::double precision * interval '1 second') as held
from internal.executions
where id >= internal.first_id_at($1::date::timestamp at time zone 'UTC')
  and id < internal.first_id_at(($1::date + 1)::timestamp at time zone 'UTC')
