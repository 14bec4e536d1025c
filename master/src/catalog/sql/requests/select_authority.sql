select certificate, key from internal.tls_authority
