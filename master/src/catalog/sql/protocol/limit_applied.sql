-- How far a limit has been brought upon what is pending; $2 null: all of it. Not if it was lowered again meanwhile.
-- $1 limit.
update internal.limits set applied_to = $2 where id = $1 and applied_to >= 0
