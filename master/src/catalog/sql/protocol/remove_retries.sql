-- Which execution retried which, of those whose day has gone. $1 first day (NULL: any), $2 the day before which, $3 at
-- most.
delete from internal.retries
where (retried, execution_id) in (
    select retried, execution_id from internal.retries
    where retried >= coalesce(internal.first_id_at($1::date::timestamp at time zone 'UTC'),
                              '00000000-0000-0000-0000-000000000000'::uuid)
      and retried < internal.first_id_at($2::date::timestamp at time zone 'UTC')
    order by retried, execution_id limit $3
)
