-- The first executions that keep a day. $1 day, $2 how long ago an execution must have ended, in seconds, $3 at most.
select id, status
from internal.executions
where id >= internal.first_id_at($1::date::timestamp at time zone 'UTC')
  and id < internal.first_id_at(($1::date + 1)::timestamp at time zone 'UTC')
  and (status not in (3, 4, 6, 7) or ended_at > clock_timestamp() - $2::double precision * interval '1 second')
order by id
limit $3
