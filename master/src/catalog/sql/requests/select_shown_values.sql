-- A sealed value stays sealed: it comes as NULL.
select name, value from internal.project_values where project_id = $1
