-- Created executions that become due at $1.
insert into internal.due (due_at, execution_id) select $1, id from unnest($2::uuid[]) as id
