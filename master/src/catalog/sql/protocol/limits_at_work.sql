-- Whether anything waits for a limit, and whether a limit is still to be brought upon what is pending.
select exists (select from internal.waiting) as waiting,
       exists (select from internal.limits where applied_to = -1) as unseen,
       exists (select from internal.limits where applied_to is not null) as applying
