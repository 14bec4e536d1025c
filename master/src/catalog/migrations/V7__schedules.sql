-- Schedules: packages that run by the clock. Additive: a master of the version before goes on working on it; while one
-- leads, schedules wait.

insert into internal.compatibility (version, works_from) select 7, max(works_from) from internal.compatibility;

create table internal.schedules (
    id                bigint generated always as identity primary key,
    name              text not null unique,
    -- What runs: names, so that it is always the version that is deployed then, and so that a project can be deployed
    -- anew or be gone.
    folder            text not null,
    project           text not null,
    package           text not null,
    -- Five fields, on the clock of this zone (IANA).
    cron              text not null,
    timezone          text not null,
    -- What becomes of a run that nobody was there for: `skip` it, or run `once`.
    missed            text not null check (missed in ('skip', 'once')),
    -- The values given, JSON; the sensitive ones sealed.
    parameters        text,
    sealed_parameters bytea,
    -- As `enqueue` has them.
    pool              text not null,
    workers           text[] not null,
    priority          smallint not null,
    retries           integer not null,
    retry_delay_ms    bigint not null,
    timeout_ms        bigint,
    start_deadline_ms bigint,
    limit_key         text,
    -- Null: it is paused, or has come to its end. Whoever runs it moves this on by compare-and-set, in the transaction
    -- that accepts the execution: that is why no run comes twice and none is lost.
    next_at           timestamptz,
    -- Rises whenever a person changes it: who has read it before then does not run it.
    revision          bigint not null default 1,
    paused_at         timestamptz,
    -- The last time that it ran for, and the batch.
    last_at           timestamptz,
    last_batch        uuid,
    -- Runs that there was none for.
    missed_count      bigint not null default 0,
    missed_at         timestamptz,
    -- Why the last run could not be enqueued; null once one could.
    error             text,
    failed_at         timestamptz,
    failures          bigint not null default 0,
    set_at            timestamptz not null default clock_timestamp(),
    set_by            text not null
);
create index schedules_next on internal.schedules (next_at) where next_at is not null;
-- Whether a project may go is asked of this.
create index schedules_project on internal.schedules (folder, project);

-- Which batch is which run of which schedule, also of one that is gone. Goes with the batch.
create table internal.schedule_runs (
    schedule_id  bigint not null,
    -- The time that it ran for.
    scheduled_at timestamptz not null,
    schedule     text not null,
    batch_id     uuid not null unique references internal.batches on delete cascade,
    primary key (schedule_id, scheduled_at)
);
