-- How many workers are in which state, as `requests::workers` tells it for each of them.
select count(*) filter (where not online) as offline, count(*) filter (where online and draining) as draining,
       count(*) filter (where online and not draining and not enabled) as disabled,
       count(*) filter (where online and not draining and enabled) as online
from (
    select w.enabled, w.draining,
           coalesce(s.ended_at is null and s.lease_until > clock_timestamp(), false) as online
    from internal.workers w
    left join internal.sessions s on s.worker_id = w.id and s.counter = w.session_counter
) as present
