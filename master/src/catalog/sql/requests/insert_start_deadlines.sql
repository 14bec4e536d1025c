-- Executions that must have started by $1.
insert into internal.start_deadlines (deadline, execution_id) select $1, id from unnest($2::uuid[]) as id
