-- Where a list that looks through $3 executions ends; none if there are not so many. $1 and $2 as of the list.
select id from internal.executions where id between $1 and $2 order by id desc offset $3::bigint - 1 limit 1
