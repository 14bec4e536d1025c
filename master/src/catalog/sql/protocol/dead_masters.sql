-- Masters whose lock is free: their process or their connection is gone.
select m.id, m.lock_key from internal.masters m
where m.id <> $1 and not exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.classid = 1396918593 and l.objid = m.lock_key::oid and l.objsubid = 2
      and l.database = (select oid from pg_database where datname = current_database())
)
