select content from internal.bundles where hash = $1
