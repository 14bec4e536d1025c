-- $2 and $3 are the batch's smallest and largest id: they prune the partitions and bound the scan.
select status, count(*) as n
from internal.executions
where batch_id = $1 and id between $2 and $3
group by status
