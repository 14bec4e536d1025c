-- The partitions there are, also those that a purge has detached and did not come to drop. `rows` as last analyzed;
-- -1: never.
select split_part(c.relname, '_', 1) as parent, to_date(split_part(c.relname, '_', 2), 'YYYYMMDD') as day,
       c.relispartition as attached, coalesce(i.inhdetachpending, false) as pending,
       coalesce(pg_total_relation_size(c.oid), 0) as bytes, c.reltuples::bigint as rows
from pg_class c
left join pg_inherits i on i.inhrelid = c.oid
where c.relnamespace = 'internal'::regnamespace and c.relkind = 'r'
  and c.relname ~ '^(executions|attempts|messages)_[0-9]{8}$'
order by day
