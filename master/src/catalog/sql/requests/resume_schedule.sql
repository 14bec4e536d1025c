-- It runs from now on: what it has not run meanwhile was not missed. $1 name, $2 when it runs next.
update internal.schedules set next_at = $2, revision = revision + 1, paused_at = null where name = $1
