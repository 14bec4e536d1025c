-- How far the rebuild has come. $1 looked to (null: through), $2 dispatched now.
update internal.broker_epoch set looked_to = $1, dispatched = dispatched + $2 returning dispatched
