-- Backlogs and sessions at a glance. $1 how far backlogs are counted, $2 seconds after which a heartbeat is late. The
-- present session of a worker is the one with its highest counter.
select clock_timestamp() as now, unconfirmed.n as unconfirmed, unconfirmed.oldest_at as unconfirmed_at,
       due.n as due, due.oldest_at as due_at, sessions.online, sessions.late, sessions.expired
from (
    select count(*) as n, min(created_at) as oldest_at
    from (select created_at from internal.dispatches where confirmed_at is null order by id limit $1) as listed
) as unconfirmed
cross join (
    select count(*) as n, min(due_at) as oldest_at
    from (select due_at from internal.due where due_at <= clock_timestamp() order by due_at limit $1) as listed
) as due
cross join (
    select count(*) filter (where leased) as online, count(*) filter (where leased and is_late) as late,
           count(*) filter (where not leased) as expired
    from (
        select s.lease_until > clock_timestamp() as leased,
               s.heartbeat_at < clock_timestamp() - $2 * interval '1 second' as is_late
        from internal.workers w
        join internal.sessions s on s.worker_id = w.id and s.counter = w.session_counter
        where s.ended_at is null
    ) as present
) as sessions
