-- A piece of a log behind a place: at most $4 messages, and at most $5 bytes of text, but one message at least.
select attempt, sequence, at, kind, path, text
from (
    select *, row_number() over place as number, sum(octet_length(path) + octet_length(text)) over place as bytes
    from (
        select attempt, sequence, at, kind, path, text
        from internal.messages
        where execution_id = $1 and (attempt, sequence) > ($2, $3)
        order by attempt, sequence
        limit $4
    ) piece
    window place as (order by attempt, sequence)
) sized
where number = 1 or bytes <= $5
order by attempt, sequence
