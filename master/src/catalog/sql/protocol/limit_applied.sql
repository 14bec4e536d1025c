-- How far a limit has been brought upon what is pending; $2 null: all of it. $1 limit.
update internal.limits set applied_to = $2 where id = $1
