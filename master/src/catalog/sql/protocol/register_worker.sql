-- A worker says hello for a new session: it is as it says now. A drain asked of the session before is over.
insert into internal.workers as w (id, name, machine, host, user_account, version, capacity, pools, session_counter)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (id) do update
set name = excluded.name, machine = excluded.machine, host = excluded.host, user_account = excluded.user_account,
    version = excluded.version, capacity = excluded.capacity, pools = excluded.pools,
    session_counter = excluded.session_counter, draining = false
where w.session_counter < excluded.session_counter
returning enabled, pools
