-- Members that do not serve an open set yet do so from now on: the trigger on workers adds it. $1 name, $2 workers.
-- Locked in the order of ids, as everybody locks them.
with members as (
    select id from internal.workers where id = any ($2::uuid[]) and not $1::text = any (pools) order by id for update
)
update internal.workers w set pools = w.pools from members where w.id = members.id
returning w.id
