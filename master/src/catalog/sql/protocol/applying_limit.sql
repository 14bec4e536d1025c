-- A limit that is to be brought upon what is pending.
select id, name, applied_to from internal.limits
where removed_at is null and (applied_to >= 0 or applied_to = -2)
order by id limit 1
