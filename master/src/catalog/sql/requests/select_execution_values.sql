-- Only for who holds the attempt (running or stopping).
select e.batch_id, e.package_id, e.parameters, e.sealed_parameters, b.project_values, b.sealed_project_values
from internal.executions e
join internal.batch_packages b on b.batch_id = e.batch_id and b.package_id = e.package_id
where e.id = $1 and e.attempt = $2 and e.worker_id = $3 and e.session = $4 and e.status in (2, 8)
