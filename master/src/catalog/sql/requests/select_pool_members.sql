-- The workers of an ad hoc pool, open or closed. $1 its name.
select w.id, w.name
from internal.ad_hoc_pools p
join internal.workers w on w.id = any (p.workers)
where p.name = $1
order by w.name, w.id
