select name, role, folders, created_at, revoked_at, expires_at, used_at from internal.tokens order by id
