select name, role, created_at, revoked_at from internal.tokens order by id
