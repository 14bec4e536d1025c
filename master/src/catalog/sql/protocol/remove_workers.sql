-- Removes workers that nothing in the catalog can refer to any more: they were last online before the first day of
-- which there is anything, and longer ago than they are listed. Never one that holds or may be handed something.
-- $1 that first day (UTC), $2 how long they are listed (seconds), $3 at most.
with gone as (
    select w.id
    from internal.workers w
    where w.registered_at < least($1::date::timestamp at time zone 'UTC',
                                  clock_timestamp() - $2::double precision * interval '1 second')
      and not exists (
          select from internal.sessions s
          where s.worker_id = w.id
            and (s.ended_at is null
                 or greatest(s.heartbeat_at, s.ended_at) >= least($1::date::timestamp at time zone 'UTC',
                     clock_timestamp() - $2::double precision * interval '1 second')))
      and not exists (select from internal.grants g where g.worker_id = w.id)
      and not exists (select from internal.ad_hoc_pools p where w.id = any (p.workers))
    order by w.id limit $3
    for update of w skip locked
),
sessions as (
    delete from internal.sessions where worker_id in (select id from gone)
)
delete from internal.workers where id in (select id from gone)
