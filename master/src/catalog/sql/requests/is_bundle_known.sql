select from internal.bundles where hash = $1
