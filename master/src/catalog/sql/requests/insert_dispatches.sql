-- One row for each $5 ids.
insert into internal.dispatches (master_id, priority, pool, ids, attempts)
select $1, $2, $3, piece.ids, array_fill(1, array[cardinality(piece.ids)])
from generate_series(0, (cardinality($4::uuid[]) - 1) / $5::integer) as n
cross join lateral (select ($4::uuid[])[n * $5::integer + 1 : (n + 1) * $5::integer] as ids) as piece
returning id, ids[1] as first_id
