-- Drops a detached partition; NULL: an execution in it has not ended, and it stays. $1 its name.
select internal.drop_partition($1) as executions
