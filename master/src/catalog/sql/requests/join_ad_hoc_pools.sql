-- Members that do not serve these open sets yet do so from now on: the trigger on workers adds them. $1 names.
-- Locked in the order of ids, as everybody locks them.
with members as (
    select w.id from internal.workers w
    where exists (
        select from internal.ad_hoc_pools p
        where p.name = any ($1::text[]) and w.id = any (p.workers) and not p.name = any (w.pools))
    order by w.id for update
)
update internal.workers w set pools = w.pools from members where w.id = members.id
returning w.id
