select request_hash, executions from internal.batches where id = $1
