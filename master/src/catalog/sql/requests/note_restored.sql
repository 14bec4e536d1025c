update internal.project_versions set restored_at = clock_timestamp(), restored_by = $2 where id = $1
