-- Moves a due schedule on. Only who finds it as it was read may: of two leaders one does, and nobody who has read it
-- before a person changed it. $1 id, $2 revision, $3 when it was due, $4 when it runs next, $5 how many runs there are
-- none for; if it runs now, $6 for which time and $7 the batch; if it could not be enqueued, $8 why.
update internal.schedules
set next_at = $4,
    missed_count = missed_count + $5,
    missed_at = case when $5 > 0 then clock_timestamp() else missed_at end,
    last_at = coalesce($6, last_at),
    last_batch = coalesce($7, last_batch),
    error = case when $7 is null then coalesce($8, error) end,
    failed_at = case when $7 is null then case when $8 is null then failed_at else clock_timestamp() end end,
    failures = case when $7 is null then failures + ($8::text is not null)::int else 0 end
where id = $1 and revision = $2 and next_at = $3
