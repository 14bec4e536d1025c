update internal.project_versions set deleted_at = clock_timestamp(), bundle = null
where project_id = $1 and deleted_at is null
