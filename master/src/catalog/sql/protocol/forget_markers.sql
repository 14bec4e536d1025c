-- Nothing is promised of these pools' queues any more. $1 pools.
delete from internal.markers where pool = any ($1::text[])
