-- How many limits there are beside $1.
select count(*) from internal.limits where name <> $1
