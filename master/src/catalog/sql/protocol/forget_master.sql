delete from internal.masters where id = $1
