insert into internal.folders (name) values ($1) on conflict (name) do nothing
