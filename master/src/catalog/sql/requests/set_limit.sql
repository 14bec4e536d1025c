-- A limit that is new or lower is brought upon what is pending, by the leader. $1 name, $2 at most, $3 who.
insert into internal.limits as l (name, at_most, set_by) values ($1, $2, $3)
on conflict (name) do update
set at_most = excluded.at_most, set_by = excluded.set_by, set_at = clock_timestamp(),
    applied_to = case when excluded.at_most < l.at_most then -1 else l.applied_to end
