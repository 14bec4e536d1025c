-- Open sets of workers that nothing was enqueued for lately, held against being enqueued for until the transaction's
-- end. $1 for how long (seconds), $2 at most.
select name from internal.ad_hoc_pools
where open and used_at < clock_timestamp() - $1::double precision * interval '1 second'
order by used_at limit $2 for update skip locked
