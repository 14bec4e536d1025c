-- Rows of the audit that are past retention. $1 seconds that they are kept.
select count(*) from internal.audit where at < clock_timestamp() - make_interval(secs => $1)
