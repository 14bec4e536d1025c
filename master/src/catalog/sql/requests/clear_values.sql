delete from internal.project_values where project_id = $1 and name = any ($2::text[])
