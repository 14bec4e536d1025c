-- The trigger on workers makes anew what these serve. $1 workers. In the order of ids, as everybody locks them.
with members as (
    select id from internal.workers where id = any ($1::uuid[]) order by id for update
)
update internal.workers w set pools = w.pools from members where w.id = members.id
