-- The second half of detach_partition.sql.
alter table internal.{parent} detach partition internal.{child} finalize
