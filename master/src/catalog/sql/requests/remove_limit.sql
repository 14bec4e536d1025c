delete from internal.limits where id = $1
