-- The limits of these names that there are. None of them goes before this transaction has ended.
select id, name from internal.limits where name = any ($1::text[]) and removed_at is null order by id for key share
