-- How many lost messages markers have found so far.
select coalesce(sum(found_so_far), 0)::bigint as found from internal.markers
