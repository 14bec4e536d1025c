-- $1 worker, $2 counter, $3 nonce, $4 inbox, $5 lease in seconds.
insert into internal.sessions (worker_id, counter, nonce, inbox, lease_until)
values ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 second')
