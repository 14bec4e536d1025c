-- The partitions of yesterday and the days ahead. $1 days ahead.
select internal.make_partitions((clock_timestamp() at time zone 'UTC')::date - 1, $1 + 2)
