-- The limits and how many slots of each are free; of one that goes, as many as one turn takes ($1).
select l.id, case
           when l.removed_at is not null then $1::bigint
           when l.applied_to is null then greatest(l.at_most - (select count(*) from internal.slots s where s.limit_id = l.id), 0)
           else 0
       end as free
from internal.limits l
