insert into internal.bundles (hash, content) values ($1, $2) on conflict (hash) do nothing
