insert into internal.packages (version_id, name, description, manifest, tree)
select $1, name, description, manifest, tree
from unnest($2::text[], $3::text[], $4::jsonb[], $5::jsonb[]) as packages (name, description, manifest, tree)
