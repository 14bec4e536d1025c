-- Removes batches whose executions have gone with their day, in the order of their ids, and what each was given of
-- its projects' values. $1 first day (NULL: any), $2 the day before which, $3 where the last call came to (NULL: the
-- first), $4 at most.
with old as (
    select id, first_id from internal.batches
    where first_id >= coalesce($3::uuid, internal.first_id_at($1::date::timestamp at time zone 'UTC'),
                               '00000000-0000-0000-0000-000000000000'::uuid)
      and first_id < internal.first_id_at($2::date::timestamp at time zone 'UTC')
    order by first_id limit $4
),
given as (
    delete from internal.batch_packages where batch_id = any (array(select id from old))
),
gone as (
    delete from internal.batches where id = any (array(select id from old)) returning id
)
select (select count(*) from gone) as removed, (select first_id from old order by first_id desc limit 1) as last
