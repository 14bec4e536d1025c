-- Those of $1 that no version needs, of whichever project. Their rows are locked: no version comes to need one meanwhile.
delete from internal.bundles b
where b.hash = any ($1::bytea[]) and not exists (select from internal.project_versions v where v.bundle = b.hash)
