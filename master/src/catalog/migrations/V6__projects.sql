-- Projects that are deleted, and versions that are restored. Additive: a master of the version before goes on working on
-- it. A deleted project keeps its rows, for the history of its executions: it has no current version, and its versions
-- have no bundle.

insert into internal.compatibility (version, works_from) select 6, max(works_from) from internal.compatibility;

-- What is accepted is never of a deleted project, whichever build accepts. Whoever deletes a project holds its packages'
-- rows (`for update`): it is waited for here, or it waits for us and then finds what we accepted.
create function internal.refuse_deleted() returns trigger language plpgsql as $$
declare
    gone text;
begin
    perform from internal.packages k where k.id = new.package_id for key share;
    -- A statement of its own: it sees what was committed while the one above waited.
    select f.name || '/' || p.name into gone
    from internal.packages k
    join internal.project_versions v on v.id = k.version_id
    join internal.projects p on p.id = v.project_id
    join internal.folders f on f.id = p.folder_id
    where k.id = new.package_id and v.deleted_at is not null;
    if found then
        raise exception 'there is no project % any more: it was deleted', gone using errcode = 'SO001';
    end if;
    return null;
end $$;

-- Last: requests and claims wait from here on until the migration is committed. All of it is only notes in the system's
-- tables, and a look through the few versions there are; it is tried for a moment again and again, so that nobody
-- waits behind it for long while a large batch is being accepted.
do $$
declare
    done boolean := false;
begin
    set local lock_timeout = '2s';
    for try in 1 .. 60 loop
        begin
            alter table internal.project_versions
                alter column bundle drop not null,
                add column restored_at timestamptz,
                add column restored_by text,
                add column deleted_at timestamptz,
                add check ((bundle is null) = (deleted_at is not null));
            create trigger refuse_deleted after insert on internal.batch_packages
                for each row execute function internal.refuse_deleted();
            -- Which versions need a bundle is asked for each that goes.
            create index project_versions_bundle on internal.project_versions (bundle) where bundle is not null;
            done := true;
        exception when lock_not_available then
            perform pg_sleep(1);
        end;
        exit when done;
    end loop;
    if not done then
        raise exception 'projects were in use for minutes: end what reads them for long (a dump, say), and migrate again';
    end if;
end $$;

create view catalog.object_versions as
select v.version as object_version_lsn, p.id as object_id, 20 as object_type, f.name as folder_name, p.name as object_name,
       v.description, v.deployed_by as created_by, v.deployed_at as created_time, v.restored_by,
       v.restored_at as last_restored_time, v.id = p.current_version_id as is_current
from internal.project_versions v
join internal.projects p on p.id = v.project_id
join internal.folders f on f.id = p.folder_id
where v.deleted_at is null;
