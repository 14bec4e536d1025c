-- Those of the folders $1 that are not there.
select name from unnest($1::text[]) as wanted (name)
where not exists (select from internal.folders f where f.name = wanted.name)
