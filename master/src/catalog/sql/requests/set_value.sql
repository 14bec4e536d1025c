insert into internal.project_values (project_id, name, value, sealed, set_by)
values ($1, $2, $3, $4, $5)
on conflict (project_id, name) do update
set value = excluded.value, sealed = excluded.sealed, set_at = clock_timestamp(), set_by = excluded.set_by
