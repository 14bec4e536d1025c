update internal.workers set draining = true where id = $1
