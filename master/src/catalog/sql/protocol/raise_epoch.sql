-- A broker that has lost what it held begins a new epoch; of all masters that saw it one wins. Everything pending is
-- looked through from the first execution on. $1 the epoch that ends, $2 why, $3 the mark of the next one's sentinel.
update internal.broker_epoch
set epoch = epoch + 1, reason = $2, sentinel = $3, changed_at = clock_timestamp(), dispatched = 0,
    looked_to = '00000000-0000-0000-0000-000000000000'
where epoch = $1
returning epoch
