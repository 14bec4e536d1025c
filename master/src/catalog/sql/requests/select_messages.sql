select attempt, sequence, at, kind, path, text
from internal.messages
where execution_id = $1 and (attempt, sequence) > ($2, $3)
order by attempt, sequence
limit $4
