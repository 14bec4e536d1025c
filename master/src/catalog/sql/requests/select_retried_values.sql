-- The values of what is to be run again. $1 ids.
select id, parameters, sealed_parameters from internal.executions where id = any ($1::uuid[])
