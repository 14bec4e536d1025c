-- Move StartDeadline: created, pending → failed, for executions of which no attempt was granted by their deadline. A row
-- has served when its time has come, whatever has become of its execution. $1 most at once.
with passed as (
    delete from internal.start_deadlines
    where (deadline, execution_id) in (
        select deadline, execution_id from internal.start_deadlines
        where deadline <= clock_timestamp() order by deadline, execution_id limit $1 for update skip locked
    )
    returning execution_id
),
failed as (
    update internal.executions e
    set status = 4, ended_at = clock_timestamp(),
        error = 'start deadline passed: it had not started by '
            || to_char(e.start_deadline at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')
    from passed where e.id = passed.execution_id and e.status in (1, 5) and e.attempt = 1
    returning e.id
)
select (select count(*) from passed) as served, (select count(*) from failed) as failed
