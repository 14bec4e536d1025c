-- The executables of an execution's package, and what its log tells of each in an attempt. $1 the execution, $2 the
-- attempt, null: the present one; $3 how many.
with one as (
    select e.status, e.attempt as present, coalesce($2, e.attempt) as attempt, e.logging_level, e.package_id
    from internal.executions e
    where e.id = $1
), told as (
    select internal.package_path(m.path) as package_path, min(m.sequence) as first,
           count(*) filter (where m.kind = 30) as started,
           count(*) filter (where m.kind = 40) as ended,
           count(*) filter (where m.kind = 40 and internal.execution_result(m.text) = 1) as failed,
           count(*) filter (where m.kind = 40 and internal.execution_result(m.text) = 3) as stopped,
           count(*) filter (where m.kind = 110 and m.text ~ '^try [0-9]+ of [0-9]+ failed, ') as retries,
           min(m.at) filter (where m.kind = 30) as started_at,
           max(m.at) filter (where m.kind = 40) as ended_at,
           (1000 * sum(extract(epoch from m.at) * case m.kind when 40 then 1 when 30 then -1 else 0 end))::bigint as busy_ms,
           max(m.text) filter (where m.kind = 70 and m.text like 'skipped: %') as skipped,
           min(m.sequence) filter (where m.kind = 120) as first_error
    from one join internal.messages m on m.execution_id = $1 and m.attempt = one.attempt
    where m.kind in (30, 40, 70, 110, 120)
    group by 1
), planned as (
    select x.package_path, x.executable_name, x.executable_type, x.ordinality
    from one cross join lateral internal.executables(one.package_id) with ordinality as x
)
select one.attempt, one.attempt = one.present as is_present, one.status, one.logging_level, coalesce(p.package_path, t.package_path) as package_path,
       coalesce(p.executable_name, substring(t.package_path from '[^\\]*$')) as name, p.executable_type as kind,
       coalesce(t.started, 0) as started, coalesce(t.ended, 0) as ended, coalesce(t.failed, 0) as failed,
       coalesce(t.stopped, 0) as stopped, coalesce(t.retries, 0) as retries, t.started_at, t.ended_at, t.busy_ms, t.skipped,
       m.path as error_path, m.text as error
from one
cross join (planned p full join told t using (package_path))
left join internal.messages m on m.execution_id = $1 and m.attempt = one.attempt and m.sequence = t.first_error
order by p.ordinality nulls last, t.first
limit $3
