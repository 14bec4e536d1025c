-- The broker's epoch, and whether what was pending is still being dispatched again.
select epoch, sentinel, changed_at, reason, looked_to is not null as rebuilding, dispatched from internal.broker_epoch
