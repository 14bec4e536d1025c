-- $1 the schedule's id, $2 the time that it runs for, $3 its name, $4 the batch.
insert into internal.schedule_runs (schedule_id, scheduled_at, schedule, batch_id) values ($1, $2, $3, $4)
