-- What was canceled waits for no limit any more. $1 executions.
delete from internal.waiting where execution_id = any ($1::uuid[])
