select id, host, address, version, leader, started_at, seen_at, consuming_since, proved_at
from internal.masters order by started_at, id
