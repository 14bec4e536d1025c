-- Attaches a detached partition again. $1 its name.
select internal.attach_partition($1)
