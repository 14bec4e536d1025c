-- The present session is the one with the highest counter. What it holds is found through its grants.
-- $1 one worker (null: all), $2 how long they may be offline (seconds; null: for ever).
select w.id, w.name, w.host, w.capacity, w.pools, w.version, w.user_account, w.enabled, w.draining, w.description, w.tags,
       w.registered_at, w.settings_pools, w.command_pools,
       coalesce(s.ended_at is null and s.lease_until > clock_timestamp(), false) as online,
       case when s.ended_at is null then s.counter end as session,
       case when s.ended_at is null then s.lease_until end as lease_until,
       coalesce(s.heartbeat_at, w.registered_at) as last_online_at,
       (select count(*)
        from internal.grants g
        cross join unnest(g.ids, g.attempts) as held (id, attempt)
        join internal.executions e on e.id = held.id
        where g.worker_id = w.id and g.session = s.counter
          and e.attempt = held.attempt and e.status in (2, 8) and e.worker_id = w.id and e.session = s.counter
       ) as running
from internal.workers w
left join internal.sessions s on s.worker_id = w.id and s.counter = w.session_counter
where ($1::uuid is null or w.id = $1)
  and ($2::double precision is null or coalesce(s.ended_at is null and s.lease_until > clock_timestamp(), false)
       or coalesce(s.heartbeat_at, w.registered_at) > clock_timestamp() - $2 * interval '1 second')
order by w.name, w.id
