-- The limits of these names that there are. None of them is removed before this transaction has ended.
select id, name from internal.limits where name = any ($1::text[]) order by id for key share
