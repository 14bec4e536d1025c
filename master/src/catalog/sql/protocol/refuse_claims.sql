-- Claims up to a number are refused for good. Waits for whoever grants this session anything; what is looked at
-- afterwards is as they left it. $1 worker, $2 session, $3 the highest number.
update internal.sessions set refused_through = greatest(refused_through, $3) where worker_id = $1 and counter = $2
