update internal.ad_hoc_pools set queues = false where name = $1
