update internal.dispatches set confirmed_at = clock_timestamp() where id = any ($1::bigint[])
