select s.name
from internal.schedules s
where s.folder = $1 and s.project = $2
order by s.name
limit $3
