//! Schedules as people set them and as leaders run them: each time once, whatever happens beside it.

use jiff::Timestamp;
use scaleout_common::api::{Missed, SCHEDULES_MAX, SetScheduleRequest};
use scaleout_common::ids::ExecutionId;
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::{Name, ProjectPath};
use scaleout_common::priority::Priority;
use scaleout_master::catalog::requests::{
    Accepted, Accepting, DueSchedule, Holder, Ran, Reach, RequestError, next_runs,
};
use scaleout_master::schedule::{Due, Recurrence, decide};
use serde_json::{Value, json};

use crate::world::{EXECUTIONS_MAX, PROJECT, World, places, request};

const NOOP: &str = "demo/flights/noop";
/// Never by itself while a test runs.
const YEARLY: &str = "0 0 1 1 *";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn wanted(more: Value) -> SetScheduleRequest {
    let mut all = json!({ "package": NOOP, "cron": YEARLY });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

impl World {
    fn accepting(&self) -> Accepting<'_> {
        Accepting {
            master: self.master,
            sealer: &self.sealer,
            manifests: &self.manifests,
            executions_max: EXECUTIONS_MAX,
            logging_level: LoggingLevel::Basic,
        }
    }

    async fn set(&self, schedule: &str, more: Value) -> Result<(), RequestError> {
        let (schedule, accepting) = (name(schedule), self.accepting());
        let set = self.catalog.set_schedule(&schedule, wanted(more), &self.caller, &accepting);
        set.await.map(|_| ())
    }

    /// As if all schedules had been set for a time that came so many minutes ago, once a year; those, as a leader reads
    /// them.
    async fn due(&self, minutes: i32) -> Vec<DueSchedule> {
        let move_on = "
            update internal.schedules s set next_at = come.at,
                cron = to_char(come.at at time zone s.timezone, 'FMMI FMHH24 FMDD FMMM') || ' *'
            from (select date_trunc('minute', clock_timestamp()) - make_interval(mins => $1) as at) as come
            where s.paused_at is null";
        self.sql.execute(move_on, &[&minutes]).await.unwrap();
        self.catalog.due_schedules(None, 100).await.unwrap()
    }

    async fn run(&self, schedule: &DueSchedule) -> Result<Ran, RequestError> {
        let due = decided(schedule);
        self.catalog.run_schedule(schedule, &due, due.run.unwrap(), &self.accepting()).await
    }
}

fn decided(schedule: &DueSchedule) -> Due {
    let recurrence = Recurrence::new(&schedule.cron, &schedule.timezone, schedule.pending.now).unwrap();
    decide(&recurrence, &schedule.pending)
}

fn accepted(ran: Result<Ran, RequestError>) -> Accepted {
    match ran {
        Ok(Ran::Accepted(accepted)) => accepted,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_project_that_a_schedule_runs_is_not_deleted() {
    let mut world = World::with_project().await;
    let project: ProjectPath = "demo/flights".parse().unwrap();
    world.set("nightly", json!({})).await.unwrap();
    let Err(RequestError::Conflict { message, hint }) =
        world.catalog.delete_project(&project, &world.caller).await
    else {
        panic!("it was deleted")
    };
    assert!(
        message.contains("1 schedule (nightly)") && hint.contains("schedule remove nightly"),
        "{message}"
    );
    world.catalog.remove_schedule(&name("nightly"), &world.caller).await.unwrap();

    // Somebody deletes it just now: who sets a schedule waits, and then finds no project.
    let deleting = world.sql.transaction().await.unwrap();
    let gone = "update internal.projects set current_version_id = null where name = 'flights'";
    deleting.batch_execute("select from internal.projects where name = 'flights' for update").await.unwrap();
    deleting.batch_execute(gone).await.unwrap();
    let (catalog, caller, accepting) = (
        &world.catalog,
        &world.caller,
        Accepting {
            master: world.master,
            sealer: &world.sealer,
            manifests: &world.manifests,
            executions_max: EXECUTIONS_MAX,
            logging_level: LoggingLevel::Basic,
        },
    );
    let nightly = name("nightly");
    let set = catalog.set_schedule(&nightly, wanted(json!({})), caller, &accepting);
    let late = std::time::Duration::from_secs(1);
    let mut set = std::pin::pin!(set);
    assert!(tokio::time::timeout(late, &mut set).await.is_err(), "nobody was waited for");
    deleting.commit().await.unwrap();
    assert!(matches!(set.await, Err(RequestError::NotFound { .. })));
    assert!(world.catalog.schedules(&Reach::All).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_leaders_at_once_one_runs_it() {
    let world = World::with_project().await;
    world.set("nightly", json!({})).await.unwrap();
    for round in 1..=5 {
        let (one, other) = (
            world.due(10 * i32::try_from(round).unwrap()).await,
            world.catalog.due_schedules(None, 100).await.unwrap(),
        );
        let ran = tokio::join!(world.run(&one[0]), world.run(&other[0]));
        let ran = [ran.0.unwrap(), ran.1.unwrap()];
        assert_eq!(ran.iter().filter(|ran| matches!(ran, Ran::Accepted(_))).count(), 1, "{ran:?}");
        assert_eq!(world.number("select count(*) from internal.batches").await, round);
        assert_eq!(world.number("select count(*) from internal.executions").await, round);
        assert_eq!(world.number("select count(*) from internal.schedule_runs").await, round);
        let next = "select count(*) from internal.schedules where next_at > clock_timestamp()";
        assert_eq!(world.number(next).await, 1, "it goes on");
    }
}

#[tokio::test]
async fn who_has_read_it_before_a_person_changed_it_does_not_run_it() {
    let world = World::with_project().await;
    world.set("nightly", json!({})).await.unwrap();
    let read = world.due(1).await.remove(0);
    world.catalog.pause_schedule(&name("nightly"), &world.caller).await.unwrap();
    assert!(matches!(world.run(&read).await.unwrap(), Ran::Elsewhere));
    assert!(world.due(1).await.is_empty(), "a paused one is never due");
    world.catalog.resume_schedule(&name("nightly"), &world.caller).await.unwrap();
    let read = world.due(1).await.remove(0);
    world.set("nightly", json!({ "replace": true, "priority": "high", "cron": read.cron })).await.unwrap();
    assert!(matches!(world.run(&read).await.unwrap(), Ran::Elsewhere), "what it was is not run");
    let due = decided(&read);
    assert!(!world.catalog.pass_schedule(&read, &due, Some("boom")).await.unwrap());
    assert_eq!(world.number("select count(*) from internal.batches").await, 0);
    let read = world.catalog.due_schedules(None, 100).await.unwrap().remove(0);
    world.catalog.remove_schedule(&name("nightly"), &world.caller).await.unwrap();
    assert!(matches!(world.run(&read).await.unwrap(), Ran::Elsewhere));
    assert_eq!(world.number("select count(*) from internal.batches").await, 0);
}

#[tokio::test]
async fn a_run_tells_its_schedule_and_has_its_terms_and_secrets() {
    let world = World::with_project().await;
    let load = json!({
        "package": "demo/flights/load", "parameters": { "day": "2026-01-01", "rows": "7", "key": "s3cret" },
        "retries": 2, "priority": "high", "timezone": "Europe/Paris", "start_deadline_ms": 600_000, "logging_level": "verbose",
    });
    world.set("load", load).await.unwrap();
    let kept = "select count(*) from internal.schedules where s3 is null".replace("s3", "sealed_parameters");
    assert_eq!(world.number(&kept).await, 0);
    let all: String =
        world.sql.query_one("select s::text from internal.schedules s", &[]).await.unwrap().get(0);
    assert!(all.contains("2026-01-01") && !all.contains("s3cret"), "{all}");
    let shown = world.catalog.schedule(&name("load"), &Reach::All, &world.manifests).await.unwrap();
    assert_eq!(Value::Object(shown.parameters), json!({ "day": "2026-01-01", "rows": 7, "key": "***" }));

    let read = world.due(2).await.remove(0);
    let batch = accepted(world.run(&read).await).answer.batch;
    let told = world.catalog.batch(batch).await.unwrap();
    assert_eq!((told.schedule.as_deref(), told.scheduled_at), (Some("load"), Some(read.pending.next_at)));
    let row = world.sql.query_one("select id from internal.executions", &[]).await.unwrap();
    let id = ExecutionId(row.get(0));
    let execution = world.catalog.execution(id, &world.manifests).await.unwrap();
    assert_eq!((execution.schedule.as_deref(), execution.retries), (Some("load"), 2));
    assert_eq!(execution.logging_level, LoggingLevel::Verbose);
    let deadline = execution.start_deadline.unwrap();
    assert_eq!(
        deadline.duration_since(read.pending.next_at).as_secs(),
        600,
        "it counts from the scheduled time"
    );
    let session = world.online_worker("rack-1").await;
    world.hold(session, &[id]).await;
    let holder = Holder { session, attempt: 1 };
    let values = world.catalog.execution_values(id, holder, &world.sealer).await.unwrap().values;
    assert_eq!((&values["key"], &values["rows"]), (&json!("s3cret"), &json!(7)));
    let shown = world.catalog.schedule(&name("load"), &Reach::All, &world.manifests).await.unwrap();
    assert_eq!((shown.runs.len(), shown.runs[0].execution), (1, Some(id)));
    assert_eq!(shown.summary.last_at, Some(read.pending.next_at));
}

#[tokio::test]
async fn what_cannot_run_is_told_and_goes_on_and_a_good_run_clears_it() {
    let world = World::with_project().await;
    let load =
        json!({ "package": "demo/flights/load", "parameters": { "day": "2026-01-01", "key": "s3cret" } });
    world.set("load", load).await.unwrap();
    world.set("noop", json!({})).await.unwrap();
    assert!(world.catalog.schedules_amiss(&Reach::All).await.unwrap().is_empty());
    world.sql.batch_execute("update internal.projects set current_version_id = null").await.unwrap();
    let read = world.due(1).await;
    assert_eq!(read.len(), 2);
    for schedule in &read {
        let error = world.run(schedule).await.unwrap_err();
        assert!(matches!(error, RequestError::NotFound { .. }), "{error}");
        assert!(
            world.catalog.pass_schedule(schedule, &decided(schedule), Some("it has gone")).await.unwrap()
        );
    }
    assert!(world.catalog.due_schedules(None, 100).await.unwrap().is_empty(), "they go on");
    let amiss = world.catalog.schedules_amiss(&Reach::All).await.unwrap();
    assert_eq!(amiss.len(), 2);
    assert_eq!((amiss[0].error.as_deref(), amiss[0].failures), (Some("it has gone"), 1));

    // A value that was sealed is not shown to everybody because a new version asks for no secret.
    let mut project = PROJECT.to_vec();
    let bare = PROJECT[1].1.replace("sensitive = true", "");
    project[1].1 = &bare;
    world.deploy(&project).await.unwrap();
    let read = world.due(1).await;
    let load = read.iter().find(|schedule| schedule.name == "load").unwrap();
    let error = world.run(load).await.unwrap_err();
    let RequestError::Parameters { problems, .. } = &error else { panic!("{error}") };
    assert!(problems[0].message.contains("was sensitive"), "{problems:?}");
    world.deploy(PROJECT).await.unwrap();
    for schedule in &read {
        accepted(world.run(schedule).await);
    }
    assert!(world.catalog.schedules_amiss(&Reach::All).await.unwrap().is_empty());
    assert_eq!(world.catalog.schedules(&Reach::All).await.unwrap()[0].failures, 0);
}

#[tokio::test]
async fn what_was_missed_is_skipped_or_made_up_for_once() {
    let world = World::with_project().await;
    world.set("skips", json!({ "missed": "skip" })).await.unwrap();
    world.set("catches-up", json!({ "missed": "once" })).await.unwrap();
    let read = world.due(60).await;
    for schedule in &read {
        let due = decided(schedule);
        match schedule.pending.missed {
            Missed::Skip => {
                assert_eq!((due.run, due.missed), (None, 1));
                assert!(world.catalog.pass_schedule(schedule, &due, None).await.unwrap());
                assert!(!world.catalog.pass_schedule(schedule, &due, None).await.unwrap(), "once");
            }
            Missed::Once => {
                accepted(world.run(schedule).await);
            }
        }
    }
    let told = world.catalog.schedules(&Reach::All).await.unwrap();
    let figures: Vec<_> = told.iter().map(|one| (one.name.as_str(), one.missed_count)).collect();
    assert_eq!(figures, [("catches-up", 0), ("skips", 1)]);
    assert!(
        told.iter().all(|one| one.next_at.unwrap() > read[0].pending.now && one.error.is_none()),
        "{told:?}"
    );
    assert_eq!(world.number("select count(*) from internal.batches").await, 1);
}

#[tokio::test]
async fn what_there_can_be_none_of_is_refused_when_it_is_set() {
    let world = World::with_project().await;
    let refused = async |more: Value| match world.set("s", more).await.unwrap_err() {
        RequestError::Invalid { problems, message } | RequestError::Parameters { problems, message } => {
            format!("{message} {:?} {problems:?}", places(&problems))
        }
        other => other.to_string(),
    };
    let cases = [
        (json!({ "cron": "0 2 * *" }), "it has 4 fields"),
        (json!({ "cron": "*/5 * * * * *" }), "it has 6 fields"),
        (json!({ "cron": "0 2 30 2 *" }), "never comes"),
        (json!({ "timezone": "Europe/Pairs" }), "there is no time zone"),
        (json!({ "package": "demo/flights/nop" }), "there is no package demo/flights/nop"),
        (json!({ "parameters": { "dya": 1 } }), "executions[0].parameters.dya"),
        (json!({ "package": "demo/flights/load" }), "executions[0].parameters.day"),
        (json!({ "retries": 1_001 }), "expected 0 to 1000"),
        (json!({ "limit_key": "warehouse" }), "there is no limit warehouse"),
        (json!({ "workers": ["nobody"] }), "nobody"),
    ];
    for (more, expected) in cases {
        let said = refused(more.clone()).await;
        assert!(said.contains(expected), "{more}: {said}");
    }
    assert!(world.catalog.schedules(&Reach::All).await.unwrap().is_empty());
    world.set("s", json!({})).await.unwrap();
    let twice = world.set("s", json!({})).await.unwrap_err();
    assert!(matches!(&twice, RequestError::Conflict { hint, .. } if hint.contains("--replace")), "{twice}");
    let many = "insert into internal.schedules (name, folder, project, package, cron, timezone, missed, pool, workers,
                    priority, retries, retry_delay_ms, set_by)
                select 'x' || n, 'f', 'p', 'k', '* * * * *', 'UTC', 'skip', 'default', '{}', 1, 0, 0, 't'
                from generate_series(2, $1) n";
    world.sql.execute(many, &[&i32::try_from(SCHEDULES_MAX).unwrap()]).await.unwrap();
    let full = world.set("one-more", json!({})).await.unwrap_err();
    assert!(full.to_string().contains("there are 1000 schedules already"), "{full}");
    world.set("s", json!({ "replace": true })).await.unwrap();
}

/// Configuration management sets the same thing again and again.
#[tokio::test]
async fn one_that_is_set_again_keeps_the_run_that_is_due_and_another_pattern_tells_of_it() {
    let world = World::with_project().await;
    world.set("nightly", json!({})).await.unwrap();
    let read = world.due(1).await.remove(0);
    let same = json!({ "replace": true, "cron": read.cron, "priority": "high" });
    world.set("nightly", same.clone()).await.unwrap();
    let again = world.catalog.due_schedules(None, 100).await.unwrap().remove(0);
    assert_eq!(again.pending.next_at, read.pending.next_at);
    accepted(world.run(&again).await);
    let priority = world.sql.query_one("select priority from internal.executions", &[]).await.unwrap();
    assert_eq!(priority.get::<_, i16>(0), Priority::High.code(), "as it is set now");
    let next = world.catalog.schedules(&Reach::All).await.unwrap()[0].next_at;
    world.set("nightly", same).await.unwrap();
    assert_eq!(world.catalog.schedules(&Reach::All).await.unwrap()[0].next_at, next);

    world.due(1).await;
    world.set("nightly", json!({ "replace": true })).await.unwrap();
    assert!(world.catalog.due_schedules(None, 100).await.unwrap().is_empty());
    let told = world.catalog.schedules(&Reach::All).await.unwrap().remove(0);
    assert_eq!((told.missed_count, told.missed_at.is_some()), (1, true));
}

#[tokio::test]
async fn a_run_that_waits_for_a_lock_lets_the_others_go_on_and_is_tried_again() {
    let mut world = World::with_project().await;
    world.set("nightly", json!({})).await.unwrap();
    let read = world.due(1).await.remove(0);
    let held = world.sql.transaction().await.unwrap();
    held.batch_execute("select from internal.schedules for update").await.unwrap();
    let (catalog, due) = (&world.catalog, decided(&read));
    let accepting = Accepting {
        master: world.master,
        sealer: &world.sealer,
        manifests: &world.manifests,
        executions_max: EXECUTIONS_MAX,
        logging_level: LoggingLevel::Basic,
    };
    let soon = std::time::Duration::from_secs(10);
    let run = catalog.run_schedule(&read, &due, due.run.unwrap(), &accepting);
    let ran = tokio::time::timeout(soon, run).await.expect("it gives up long before its statement has to");
    assert!(matches!(&ran, Err(RequestError::Catalog(error)) if error.is_transient()), "{ran:?}");
    held.rollback().await.unwrap();
    accepted(catalog.run_schedule(&read, &due, due.run.unwrap(), &accepting).await);
}

#[tokio::test]
async fn what_is_due_is_read_in_pages_and_lists_leave_the_values_out() {
    let world = World::with_project().await;
    for schedule in ["a", "b", "c"] {
        world.set(schedule, json!({})).await.unwrap();
    }
    let all: Vec<String> = world.due(1).await.into_iter().map(|one| one.name).collect();
    let (mut last, mut read) = (None, Vec::new());
    while let Some(one) = world.catalog.due_schedules(last.as_ref(), 1).await.unwrap().pop() {
        read.push(one.name.clone());
        last = Some(one);
    }
    assert_eq!(read, all);
    let long = json!({ "package": "demo/flights/load", "parameters": { "day": "x".repeat(70_000) } });
    let error = world.set("d", long).await.unwrap_err().to_string();
    assert!(error.contains("may have 65536 bytes"), "{error}");
}

#[tokio::test]
async fn a_paused_one_stays_so_and_goes_on_from_now() {
    let world = World::with_project().await;
    world.set("hourly", json!({ "cron": "@hourly" })).await.unwrap();
    let hourly = name("hourly");
    let first = world.catalog.pause_schedule(&hourly, &world.caller).await.unwrap();
    assert!(first.next_at.is_none());
    world.set("hourly", json!({ "cron": "@hourly", "replace": true })).await.unwrap();
    let paused = world.catalog.pause_schedule(&hourly, &world.caller).await.unwrap();
    assert_eq!((paused.next_at, paused.paused_at), (None, first.paused_at));
    assert!(world.catalog.schedules_amiss(&Reach::All).await.unwrap().is_empty(), "paused is not amiss");
    let runs = next_runs(&paused, Timestamp::now(), 3).unwrap();
    assert_eq!(runs.len(), 3);
    let resumed = world.catalog.resume_schedule(&hourly, &world.caller).await.unwrap();
    assert_eq!(resumed.next_at, Some(runs[0].at));
    assert_eq!(world.catalog.resume_schedule(&hourly, &world.caller).await.unwrap().next_at, resumed.next_at);
    assert_eq!(resumed.missed_count, 0);
    let unknown = world.catalog.resume_schedule(&name("hurly"), &world.caller).await.unwrap_err();
    assert!(
        matches!(&unknown, RequestError::NotFound { hint: Some(hint), .. } if hint.contains("hourly")),
        "{unknown}"
    );
    world.accept(request(json!([{ "package": NOOP }]))).await.unwrap();
    assert_eq!(world.number("select count(*) from internal.schedule_runs").await, 0);
}
