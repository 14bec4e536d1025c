-- Whether there is a limit of this name. $1 name.
select exists (select from internal.limits where name = $1 and removed_at is null)
