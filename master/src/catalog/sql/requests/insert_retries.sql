-- $1 what was retried, $2 the execution that retries it.
insert into internal.retries (retried, execution_id)
select retried, id from unnest($1::uuid[], $2::uuid[]) as rows (retried, id) where retried is not null
