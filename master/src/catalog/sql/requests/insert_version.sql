-- The project's row is locked: nobody else counts at the same time.
insert into internal.project_versions (project_id, version, bundle, description, parameters, deployed_by)
values ($1, (select coalesce(max(version), 0) + 1 from internal.project_versions where project_id = $1),
        $2, $3, $4, $5)
returning id, version
