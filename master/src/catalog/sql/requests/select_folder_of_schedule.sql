-- The folder of the package that a schedule runs. $1 its name.
select folder from internal.schedules where name = $1
