-- A set of workers is enqueued for. Whoever is about to close it waits, or is waited for. $1 name, $2 workers, sorted.
insert into internal.ad_hoc_pools as p (name, workers) values ($1, $2)
on conflict (name) do update set open = true, queues = true, used_at = clock_timestamp(), closed_at = null
