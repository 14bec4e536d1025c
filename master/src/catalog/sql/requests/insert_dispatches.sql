-- One row for each $6 of the ids $4; $5: the places of the first of each, from 1. (Not a generate_series: its plan would
-- be made anew for each request.)
insert into internal.dispatches (master_id, priority, pool, ids, attempts)
select $1, $2, $3, piece.ids, array_fill(1, array[cardinality(piece.ids)])
from unnest($5::integer[]) as first
cross join lateral (select ($4::uuid[])[first : first + $6::integer - 1] as ids) as piece
returning id, ids[1] as first_id
