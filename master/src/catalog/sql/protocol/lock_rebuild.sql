-- The rebuild that is under way, if nobody else is at it in this moment.
select epoch, changed_at, looked_to from internal.broker_epoch where looked_to is not null for update skip locked
