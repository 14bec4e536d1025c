-- The newest first. Looks through $8 rows at most and tells where it came to, so that what is rare holds nobody up.
-- $1 before this id, $2 who, $3 action, $4 what the object begins with, $5 since, $6 until, $7 at most.
with looked as materialized (
    select * from internal.audit where $1::bigint is null or id < $1 order by id desc limit $8
),
found as (
    select * from looked
    where ($2::text is null or who = $2) and ($3::text is null or action = $3)
      and ($4::text is null or starts_with(object, $4))
      and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
    order by id desc limit $7
),
-- Rows of one moment may stand in another order than their ids.
reached as (
    select min(id) as id, count(*) = $8 and ($5::timestamptz is null or min(at) >= $5 - interval '1 minute') as more
    from looked
)
select found.*, reached.id as looked_to, coalesce(reached.more, false) as more
from reached left join found on true
order by found.id desc
