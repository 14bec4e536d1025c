-- Takes a partition out of its table in two transactions, of which neither stops readers or writers of the table.
-- Cut short between them, it stays half detached: invisible in the table, for finish_detach.sql.
alter table internal.{parent} detach partition internal.{child} concurrently
