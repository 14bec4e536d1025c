insert into internal.tls_authority (certificate, key) values ($1, $2) on conflict do nothing
