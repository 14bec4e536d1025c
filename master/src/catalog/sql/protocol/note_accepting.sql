-- Who accepts at this moment may have looked for limits before a new one was there; who begins later sees it.
-- 4294967293 is key -3 (see begin_accept.sql).
update internal.limits set accepting = array(
    select l.virtualtransaction from pg_locks l
    where l.locktype = 'advisory' and l.classid = 1396918593 and l.objid = 4294967293 and l.objsubid = 2 and l.granted
      and l.database = (select oid from pg_database where datname = current_database())
)
where applied_to = -1 and accepting is null
