-- Whether anything waits for a limit, whether a limit is still to be brought upon what is pending, and whether one goes.
select exists (select from internal.waiting) as waiting,
       exists (select from internal.limits where applied_to is not null and removed_at is null) as applying,
       exists (select from internal.limits where removed_at is not null) as removed
