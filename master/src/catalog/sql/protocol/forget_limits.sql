-- Limits that were removed and whose lines are empty. One that somebody accepts under at this moment is left for later.
delete from internal.limits where id in (
    select l.id from internal.limits l
    where l.removed_at is not null and not exists (select from internal.waiting w where w.limit_id = l.id)
    for update skip locked
)
