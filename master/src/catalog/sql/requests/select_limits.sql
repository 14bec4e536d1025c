-- The limits by name; $1 the one of this name, null: all; $2 how far lines are counted; $3 only those with a line. Who
-- holds a slot is read from the executions' rows.
select l.name, l.at_most, l.set_at, l.set_by, l.applied_to is not null as applying, held.n as held, line.n as waiting,
       (select min(first.due_at) from (
            select w.due_at from internal.waiting w where w.limit_id = l.id order by w.priority, w.due_at limit 1
        ) as first) as first_at
from internal.limits l
cross join lateral (
    select count(*) as n from internal.slots s
    cross join lateral (
        select from internal.executions e where e.id = s.execution_id and e.status in (2, 5, 8) limit 1
    ) as holds
    where s.limit_id = l.id
) as held
cross join lateral (
    select count(*) as n from (select from internal.waiting w where w.limit_id = l.id limit $2) as listed
) as line
where l.removed_at is null and ($1::text is null or l.name = $1)
  and (not $3 or exists (select from internal.waiting w where w.limit_id = l.id))
order by l.name
