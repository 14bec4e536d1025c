insert into internal.projects (folder_id, name)
select id, $2 from internal.folders where name = $1
on conflict (folder_id, name) do nothing
