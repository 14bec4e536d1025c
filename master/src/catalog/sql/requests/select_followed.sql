-- The executions $1 whose logs are followed, as they are now, each with the newest message of its log: found by the
-- key, backwards.
select e.id, e.status, e.attempt, e.error,
       (extract(epoch from clock_timestamp() - e.ended_at) * 1000)::bigint as ended_for_ms,
       m.attempt as newest_attempt, m.sequence as newest_sequence
from internal.executions e
left join lateral (
    select attempt, sequence from internal.messages
    where execution_id = e.id
    order by attempt desc, sequence desc
    limit 1
) m on true
where e.id = any ($1)
