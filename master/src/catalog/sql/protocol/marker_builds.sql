-- The builds of the masters, and of the workers whose session has not ended: any of them may receive a marker.
select version from internal.masters
union
select w.version from internal.workers w
where exists (select from internal.sessions s where s.worker_id = w.id and s.ended_at is null)
