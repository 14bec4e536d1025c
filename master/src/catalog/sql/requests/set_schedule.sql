-- Sets a schedule, new or in the place of the one of that name. One that is paused stays so. $19 when it runs next; one
-- that keeps pattern and zone keeps its next time, which may have come already. A time that had come by another pattern
-- is one that there is no run for.
insert into internal.schedules as s
    (name, folder, project, package, cron, timezone, missed, parameters, sealed_parameters, pool, workers, priority,
     retries, retry_delay_ms, timeout_ms, start_deadline_ms, limit_key, set_by, next_at,
     logging_level)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
on conflict (name) do update
set folder = excluded.folder, project = excluded.project, package = excluded.package, cron = excluded.cron,
    timezone = excluded.timezone, missed = excluded.missed, parameters = excluded.parameters,
    sealed_parameters = excluded.sealed_parameters, pool = excluded.pool, workers = excluded.workers,
    priority = excluded.priority, retries = excluded.retries, retry_delay_ms = excluded.retry_delay_ms,
    timeout_ms = excluded.timeout_ms, start_deadline_ms = excluded.start_deadline_ms,
    limit_key = excluded.limit_key, logging_level = excluded.logging_level, set_by = excluded.set_by, set_at = clock_timestamp(),
    next_at = case when s.paused_at is null then
        case when (s.cron, s.timezone) = (excluded.cron, excluded.timezone) then coalesce(s.next_at, excluded.next_at)
        else excluded.next_at end end,
    missed_count = s.missed_count + case when s.next_at <= clock_timestamp()
        and (s.cron, s.timezone) <> (excluded.cron, excluded.timezone) then 1 else 0 end,
    missed_at = case when s.next_at <= clock_timestamp() and (s.cron, s.timezone) <> (excluded.cron, excluded.timezone)
        then clock_timestamp() else s.missed_at end,
    revision = s.revision + 1, error = null,
    failed_at = null, failures = 0
