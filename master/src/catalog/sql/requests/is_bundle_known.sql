-- Held: whoever deletes a project takes away no bundle that becomes a version's here.
select from internal.bundles where hash = $1 for key share
