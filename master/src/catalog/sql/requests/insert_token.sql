insert into internal.tokens (name, hash, role) values ($1, $2, $3)
