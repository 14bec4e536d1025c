delete from internal.schedules where name = $1
