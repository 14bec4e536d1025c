-- What is NULL stays as it is. $1 worker, $2 enabled, $3 description, $4 tags, $5 pools given by command, $6 whether
-- those of its settings hold again.
update internal.workers
set enabled = coalesce($2, enabled), description = coalesce($3, description), tags = coalesce($4, tags),
    command_pools = case when $6::boolean then null else coalesce($5, command_pools) end
where id = $1
