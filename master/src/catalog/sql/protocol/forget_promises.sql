-- Dispatches that the broker had confirmed before it lost them: whatever of them is pending has a row anew. Those not
-- confirmed stay with their masters. $1 when the epoch began.
delete from internal.dispatches where confirmed_at < $1
