-- Grants of which nothing is held any more.
delete from internal.grants g
where not exists (
    select from unnest(g.ids, g.attempts) as u (id, attempt)
    join internal.executions e on e.id = u.id
    where e.attempt = u.attempt and e.worker_id = g.worker_id and e.session = g.session and e.status in (2, 8)
)
