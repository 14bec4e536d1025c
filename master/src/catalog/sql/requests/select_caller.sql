select name, role from internal.tokens where hash = $1 and revoked_at is null
