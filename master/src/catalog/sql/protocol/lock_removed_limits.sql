-- Limits that were removed, held against whoever accepts. One under which somebody accepts at this moment (it holds the
-- row) is left for later.
select id from internal.limits where removed_at is not null order by id for update skip locked
