-- How many executions of each pool hold a worker or have held one and ended. What waits is left out (created,
-- pending), and what was canceled: mostly before it could start.
select pool, sum(n)::bigint as n from internal.counts where status not in (1, 3, 5) group by pool
