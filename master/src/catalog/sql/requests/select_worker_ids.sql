-- $1 its id, or $2 its name; $3 how long a worker may be offline and still be listed (seconds; null: for ever).
select w.id,
       $3::double precision is null or coalesce(s.ended_at is null and s.lease_until > clock_timestamp(), false)
           or coalesce(s.heartbeat_at, w.registered_at) > clock_timestamp() - $3 * interval '1 second' as listed
from internal.workers w
left join internal.sessions s on s.worker_id = w.id and s.counter = w.session_counter
where w.id = $1 or w.name = $2
order by w.id
