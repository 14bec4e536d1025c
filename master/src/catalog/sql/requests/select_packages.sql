select manifest from internal.packages where version_id = $1 order by name
