select expires_at, expires_at <= clock_timestamp() as expired, used_at, used_by, created_by
from internal.invitations
where hash = $1
