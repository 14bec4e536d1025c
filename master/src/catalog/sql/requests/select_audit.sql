-- The newest first. Looks through $8 rows at most, so that what is rare holds nobody up. $1 before this id, $2 who,
-- $3 action, $4 what the object begins with, $5 since, $6 until, $7 at most.
select * from (
    select * from internal.audit where $1::bigint is null or id < $1 order by id desc limit $8
) as looked
where ($2::text is null or who = $2) and ($3::text is null or action = $3)
  and ($4::text is null or starts_with(object, $4))
  and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
order by id desc
limit $7
