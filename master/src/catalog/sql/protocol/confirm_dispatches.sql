-- The broker has all messages of the dispatches $1. Gives their ages in seconds.
-- The commit does not wait for the disk: were the mark lost with the server, they would be published once more, which is
-- harmless; and grants, which come at the same time, would wait behind it.
with unhurried as materialized (
    select set_config('synchronous_commit', 'off', true) = 'off' as is_so
)
update internal.dispatches set confirmed_at = clock_timestamp()
from unhurried
where is_so and id = any ($1::bigint[])
returning extract(epoch from confirmed_at - created_at)::double precision as age
