select project_id, name, value, sealed from internal.project_values where project_id = any ($1::bigint[])
