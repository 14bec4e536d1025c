select status from internal.executions where id = $1
