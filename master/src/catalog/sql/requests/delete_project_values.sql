delete from internal.project_values where project_id = $1
