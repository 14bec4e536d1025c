-- A record delivered twice is one row.
insert into internal.messages (execution_id, attempt, sequence, at, kind, source, path, text)
select * from unnest($1::uuid[], $2::integer[], $3::bigint[], $4::timestamptz[], $5::smallint[], $6::smallint[],
                     $7::text[], $8::text[])
on conflict do nothing
