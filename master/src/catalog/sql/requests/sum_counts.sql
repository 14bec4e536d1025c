select status, sum(n)::bigint as n from internal.counts group by status
