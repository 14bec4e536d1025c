-- In place (HOT), and not at each request. $1 token, $2 seconds after which it is noted again.
update internal.tokens set used_at = clock_timestamp()
where id = $1 and coalesce(used_at < clock_timestamp() - make_interval(secs => $2), true)
