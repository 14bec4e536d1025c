-- Whether an attempt's log up to the message $3 has what a worker writes last: the end of the package ($4 its type, $5
-- its path). What it says of cut output may come behind it.
select exists (
    select from internal.messages
    where execution_id = $1 and attempt = $2 and sequence between $3::bigint - 2 and $3 and kind = $4 and path = $5
) as closed
