with forgotten as (delete from internal.invitations where expires_at < clock_timestamp() - interval '30 days')
insert into internal.invitations (hash, pools, created_by, expires_at)
values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
returning expires_at
