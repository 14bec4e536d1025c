-- How many sets of workers are open beside $1: at all, and for the one of $2 that most are open for.
select (select count(*) from internal.ad_hoc_pools where open and name <> all ($1::text[])) as open,
       coalesce((
           select max(n) from (
               select count(*) as n from internal.ad_hoc_pools p cross join unnest(p.workers) as member
               where p.open and p.name <> all ($1::text[]) and member = any ($2::uuid[]) group by member
           ) as each), 0)::bigint as of_one
