-- The broker has all messages of the dispatches $1. Gives their ages in seconds.
update internal.dispatches set confirmed_at = clock_timestamp() where id = any ($1::bigint[])
returning extract(epoch from confirmed_at - created_at)::double precision as age
