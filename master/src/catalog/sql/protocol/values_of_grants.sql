-- What every execution of a package in a batch gets of its project's values: $1 batches, $2 packages, one of each.
select b.*
from unnest($1::uuid[], $2::bigint[]) as wanted (batch, package)
cross join lateral (
    select b.batch_id, b.package_id, b.project_values, b.sealed_project_values is not null as sealed
    from internal.batch_packages b where b.batch_id = wanted.batch and b.package_id = wanted.package limit 1
) as b
