select id from internal.workers where id = $1 or name = $2 order by id
