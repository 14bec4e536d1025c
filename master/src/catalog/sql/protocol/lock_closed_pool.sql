-- Holds a closed set against being enqueued for while its queues go. $1 name.
select from internal.ad_hoc_pools where name = $1 and not open and queues for update skip locked
