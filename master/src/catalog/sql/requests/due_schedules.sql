-- Schedules whose time has come, the longest due first. $1 how many; $2, $3 time and id of the one to go on behind, null:
-- from the first.
select s.id, s.revision, s.name, s.folder, s.project, s.package, s.cron, s.timezone, s.missed, s.parameters,
       s.sealed_parameters, s.pool, s.workers, s.priority, s.retries, s.retry_delay_ms, s.timeout_ms,
       s.start_deadline_ms, s.limit_key, s.logging_level, s.next_at, s.last_at, clock_timestamp() as now
from internal.schedules s
where s.next_at <= clock_timestamp() and ($2::timestamptz is null or (s.next_at, s.id) > ($2, $3::bigint))
order by s.next_at, s.id
limit $1
