-- Whoever accepts from now on has seen the limits that are set; what was accepted before is there to be looked at.
update internal.limits set applied_to = 0 where applied_to = -1
