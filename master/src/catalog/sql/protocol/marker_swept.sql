-- Some of what a marker showed has been dispatched again. $1 marker, $2 how many, $3 whether that was the last.
update internal.markers
set swept_at = case when $3 then clock_timestamp() end, found = coalesce(found, 0) + $2,
    found_so_far = found_so_far + $2
where id = $1 and swept_at is null
