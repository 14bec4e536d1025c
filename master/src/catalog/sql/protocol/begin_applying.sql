-- When those who may not have seen a new limit have ended, what they accepted is there to be looked at.
update internal.limits set applied_to = 0, accepting = null
where applied_to = -1 and not exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.classid = 1396918593 and l.objid = 4294967293 and l.objsubid = 2
      and l.virtualtransaction = any (accepting)
)
