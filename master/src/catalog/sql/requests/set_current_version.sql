update internal.projects set current_version_id = $2 where id = $1
