-- A limit that is new (or was removed) is brought upon all that is pending; a lower one upon what it released; by the
-- leader. $1 name, $2 at most, $3 who.
insert into internal.limits as l (name, at_most, set_by) values ($1, $2, $3)
on conflict (name) do update
set at_most = excluded.at_most, set_by = excluded.set_by, set_at = clock_timestamp(), removed_at = null,
    applied_to = case
        when l.removed_at is not null then -1
        when excluded.at_most < l.at_most and l.applied_to is null then -2
        else l.applied_to
    end,
    accepting = case when l.removed_at is null then l.accepting end
