-- Removed limits whose lines are empty. A statement of its own: it must see what was accepted before they were locked,
-- or that would stand in the line of nobody. $1 limits, locked.
delete from internal.limits l
where l.id = any ($1::bigint[]) and not exists (select from internal.waiting w where w.limit_id = l.id)
