-- The schedules by name; $1 the one of this name, null: all; $2 only those that somebody should look at: the last run
-- could not be enqueued, there will be none any more, or it is due for $3 seconds. $4 how many; $5 the folders that are reached, null: all.
-- Values only of one: of
-- all they may be much.
select s.id, s.name, s.folder, s.project, s.package, s.cron, s.timezone, s.missed, case when $1::text is not null then s.parameters end as parameters,
       s.sealed_parameters is not null as has_sealed, s.pool, s.workers, s.priority, s.retries, s.retry_delay_ms,
       s.timeout_ms, s.start_deadline_ms, s.limit_key, s.logging_level, s.next_at, s.paused_at, s.last_at, s.last_batch,
       s.missed_count, s.missed_at, s.error, s.failed_at, s.failures, s.set_at, s.set_by
from internal.schedules s
where ($1::text is null or s.name = $1)
  and ($5::text[] is null or s.folder = any ($5))
  and (not $2 or s.error is not null or (s.next_at is null and s.paused_at is null)
       or s.next_at < clock_timestamp() - make_interval(secs => $3))
order by s.name
limit $4
