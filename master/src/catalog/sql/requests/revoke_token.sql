update internal.tokens set revoked_at = clock_timestamp() where name = $1 and revoked_at is null
