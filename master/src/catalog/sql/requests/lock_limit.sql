-- Whoever puts executions into its line meanwhile is waited for. $1 name.
select id from internal.limits where name = $1 for update
