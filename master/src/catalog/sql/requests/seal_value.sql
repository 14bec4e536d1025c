-- A value whose parameter has become sensitive. $1 project, $2 name, $3 the value, sealed.
update internal.project_values set value = null, sealed = $3 where project_id = $1 and name = $2
