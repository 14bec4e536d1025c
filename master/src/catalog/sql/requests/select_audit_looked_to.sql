-- Where a page that looks through $2 rows ends; none if there are not so many, or all that come are older than $3. Rows of
-- one moment may stand in another order than their ids. $1 before this id.
select id from (
    select id, at from internal.audit where $1::bigint is null or id < $1 order by id desc offset $2::bigint - 1 limit 1
) as last
where $3::timestamptz is null or at >= $3 - interval '1 minute'
