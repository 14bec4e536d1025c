insert into internal.batch_packages (batch_id, package_id, project_values, sealed_project_values)
select $1, package_id, project_values, sealed
from unnest($2::bigint[], $3::text[], $4::bytea[]) as packages (package_id, project_values, sealed)
