select expires_at, used_at, used_by from internal.invitations where hash = $1
