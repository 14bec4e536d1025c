update internal.invitations set used_at = clock_timestamp(), used_by = $2
where hash = $1 and used_at is null and expires_at > clock_timestamp()
returning id, pools
