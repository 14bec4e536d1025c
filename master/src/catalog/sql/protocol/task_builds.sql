-- The builds of the masters, and of the workers that may come back: those online in the last days. $1 days.
select version from internal.masters
union
select w.version from internal.workers w
where exists (
    select from internal.sessions s
    where s.worker_id = w.id
      and (s.ended_at is null or s.heartbeat_at > clock_timestamp() - make_interval(days => $1))
)
