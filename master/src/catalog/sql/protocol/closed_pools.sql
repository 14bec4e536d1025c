-- Sets of workers that have been closed for a while and whose queues may be there still. $1 for how long (seconds).
select name from internal.ad_hoc_pools
where not open and queues and closed_at < clock_timestamp() - $1::double precision * interval '1 second'
order by closed_at limit 20
