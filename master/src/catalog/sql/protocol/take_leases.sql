-- Ends sessions whose lease has run out, if the leader may: it has consumed claims for long enough and has shown
-- within the last seconds that it still can. $1 leader, $2 consuming for at least, $3 proof at most this old (seconds).
update internal.sessions s
set ended_at = clock_timestamp(), ending = 'lease-lost'
from internal.workers w
where w.id = s.worker_id and s.ended_at is null and s.lease_until < clock_timestamp()
  and exists (
      select from internal.masters m
      where m.id = $1 and m.leader
        and m.consuming_since <= clock_timestamp() - $2 * interval '1 second'
        and m.proved_at >= clock_timestamp() - $3 * interval '1 second'
  )
returning s.worker_id, s.counter, w.version
