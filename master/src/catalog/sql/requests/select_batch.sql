select created_at, executions, first_id, last_id from internal.batches where id = $1
