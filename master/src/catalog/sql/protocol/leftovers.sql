-- Rows of the side tables that still name executions of a day that has gone: there should be none. $1 day.
with day as (
    select internal.first_id_at($1::date::timestamp at time zone 'UTC') as first_id,
           internal.first_id_at(($1::date + 1)::timestamp at time zone 'UTC') as below
)
select (select count(*) from internal.due d where d.execution_id >= day.first_id and d.execution_id < day.below) as due,
       (select count(*) from internal.dispatches d
        where exists (select from unnest(d.ids) as u (id) where u.id >= day.first_id and u.id < day.below)) as dispatches,
       (select count(*) from internal.grants g
        where exists (select from unnest(g.ids) as u (id) where u.id >= day.first_id and u.id < day.below)) as grants
from day
