insert into internal.packages (version_id, name, description, manifest)
select $1, name, description, manifest
from unnest($2::text[], $3::text[], $4::jsonb[]) as packages (name, description, manifest)
