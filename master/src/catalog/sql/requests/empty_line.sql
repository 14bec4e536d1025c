-- What waited for a limit that goes is due: it is released, or waits for its other limit. $1 limit.
with left_line as (
    delete from internal.waiting where limit_id = $1 returning due_at, execution_id
)
insert into internal.due (due_at, execution_id)
select due_at, execution_id from left_line
on conflict do nothing
