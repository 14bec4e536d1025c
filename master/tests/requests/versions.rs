//! Versions: listed, restored, deleted with their project; and the values set for it, which outlive them.

use std::time::{Duration, Instant};

use scaleout_common::api::{DeployAnswer, RestoreRequest, RetryRequest};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::names::{Name, ProjectPath};
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{
    Accepted, Accepting, Caller, Deployment, ExecutionFilter, Holder, Manifests, RequestError,
};
use scaleout_master::catalog::{Catalog, Sealer};
use scaleout_package::manifest::ProjectManifest;
use scaleout_package::{Project, bundle};
use serde_json::{Value, json};
use tokio_postgres::Transaction;
use uuid::Uuid;

use crate::world::{EXECUTIONS_MAX, PROJECT, World, packed, places, request};

/// Without any parameter of the project.
const BARE: &[(&str, &str)] = &[("project.toml", "name = \"flights\"\n"), ("packages/noop.toml", "")];

const MOMENT: Duration = Duration::from_secs(20);

fn path() -> ProjectPath {
    "demo/flights".parse().unwrap()
}

async fn restore(world: &World, version: i32, clear_unfit: bool) -> Result<DeployAnswer, RequestError> {
    let wanted = RestoreRequest { version, clear_unfit };
    world.catalog.restore(&path(), &wanted, &world.caller, &world.sealer).await
}

async fn set(world: &World, values: Value) {
    let values = values.as_object().unwrap().clone();
    world.catalog.set_values(&path(), values, &world.caller, &world.sealer).await.unwrap();
}

async fn retry(world: &World, id: ExecutionId, same_version: bool) -> Result<Accepted, RequestError> {
    let accepting = Accepting {
        master: world.master,
        sealer: &world.sealer,
        manifests: &world.manifests,
        executions_max: EXECUTIONS_MAX,
        logging_level: LoggingLevel::Basic,
    };
    let wanted = RetryRequest { request_id: BatchId(Uuid::new_v4()), executions: vec![id], same_version };
    world.catalog.retry(&wanted, &world.caller, &accepting).await
}

async fn version_of(world: &World, id: ExecutionId) -> i32 {
    world.catalog.execution(id, &world.manifests).await.unwrap().project_version
}

/// The number of the current version, and how many values are set.
async fn standing(world: &World) -> (i32, i64) {
    let version = world.catalog.project(&path()).await.unwrap().summary.version;
    (version, world.number("select count(*) from internal.project_values").await)
}

#[tokio::test]
async fn versions_are_listed_page_by_page_and_restored_under_their_own_number() {
    let world = World::with_project().await;
    let before = world.accept_noops(1).await.1[0];
    world.deploy(BARE).await.unwrap();
    let between = world.accept_noops(1).await.1[0];
    let back = restore(&world, 1, false).await.unwrap();
    assert_eq!((back.version, back.unchanged, back.packages.len()), (1, false, 2));
    let after = world.accept_noops(1).await.1[0];
    let ran = (
        version_of(&world, before).await,
        version_of(&world, between).await,
        version_of(&world, after).await,
    );
    assert_eq!(ran, (1, 2, 1), "each keeps the version that it was accepted with");
    assert!(restore(&world, 1, false).await.unwrap().unchanged);

    let next = world.deploy(&[BARE[0], ("packages/noop.toml", "description = \"3\"\n")]).await.unwrap();
    assert_eq!(next.version, 3, "numbers go on after the highest");
    let page = world.catalog.versions(&path(), None, 2).await.unwrap();
    let shown: Vec<_> = page.versions.iter().map(|one| (one.version, one.current)).collect();
    assert_eq!((shown, page.next), (vec![(3, true), (2, false)], Some(2)));
    let page = world.catalog.versions(&path(), page.next, 2).await.unwrap();
    let first = &page.versions[0];
    assert_eq!((page.versions.len(), first.version, page.next), (1, 1, None));
    assert_eq!((first.deployed_by.as_str(), first.restored_by.as_deref()), ("tester", Some("tester")));
    assert_eq!((first.packages.join(" ").as_str(), &first.bundle), ("load noop", &back.bundle));
    assert!(world.catalog.versions(&path(), Some(1), 2).await.unwrap().versions.is_empty());

    let view = "select count(*) from catalog.object_versions where object_name = 'flights' and is_current = (object_version_lsn = 3)";
    assert_eq!(world.number(view).await, 3);

    let unknown = restore(&world, 4, false).await.unwrap_err();
    assert!(unknown.to_string().contains("there is no version 4 of demo/flights"), "{unknown}");
    let elsewhere = world.catalog.versions(&"demo/flihgts".parse().unwrap(), None, 2).await.unwrap_err();
    let RequestError::NotFound { hint, .. } = elsewhere else { panic!("{elsewhere}") };
    assert_eq!(hint.as_deref(), Some("did you mean demo/flights?"));
}

#[tokio::test]
async fn values_outlive_deploys_and_those_that_do_not_fit_are_refused_or_forgotten() {
    let world = World::with_project().await;
    set(&world, json!({ "region": "south", "password": "s3cret" })).await;
    let described = "name = \"flights\"\ndescription = \"2\"\n[parameters.region]\ntype = \"string\"\n\
                     [parameters.password]\ntype = \"string\"\nsensitive = true\n";
    world.deploy(&[("project.toml", described), BARE[1]]).await.unwrap();
    assert_eq!(standing(&world).await, (2, 2), "they are kept");

    let other = "name = \"flights\"\n[parameters.region]\ntype = \"int64\"\n[parameters.password]\ntype = \"string\"\n";
    let other: &[_] = &[("project.toml", other), BARE[1]];
    for files in [BARE, other] {
        let error = world.deploy(files).await.unwrap_err();
        let RequestError::Parameters { message, problems } = error else { panic!("{error}") };
        let of = ["projects.demo/flights.values.password", "projects.demo/flights.values.region"];
        assert_eq!(places(&problems), of);
        assert!(message.contains("demo/flights") && message.contains("--clear-unfit"), "{message}");
        let said = format!("{message} {problems:?}");
        assert!(said.contains("a string") && !said.contains("s3cret"), "{said}");
        assert_eq!(standing(&world).await, (2, 2), "nothing is changed");
    }
    assert_eq!(world.number("select count(*) from internal.bundles").await, 2, "nothing is left of them");

    let cleared = world.deploy_clearing(BARE, true).await.unwrap();
    assert_eq!((cleared.version, cleared.cleared.join(" ").as_str()), (3, "password region"));
    assert_eq!(standing(&world).await, (3, 0));

    // The same when a version is restored.
    restore(&world, 1, false).await.unwrap();
    set(&world, json!({ "region": "south" })).await;
    assert!(matches!(restore(&world, 3, false).await.unwrap_err(), RequestError::Parameters { .. }));
    assert_eq!(standing(&world).await, (1, 1));
    assert_eq!(restore(&world, 3, true).await.unwrap().cleared, ["region"]);
    assert_eq!(standing(&world).await, (3, 0));
}

#[tokio::test]
async fn a_value_whose_parameter_becomes_sensitive_is_sealed_and_stays_so_whichever_version_runs() {
    let world = World::with_project().await;
    let old = world.accept_noops(1).await.1[0];
    world.set_status(old, Status::Failed).await;
    set(&world, json!({ "region": "s3cret-region" })).await;
    let now = "name = \"flights\"\n[parameters.region]\ntype = \"string\"\nsensitive = true\n";
    world.deploy(&[("project.toml", now), BARE[1]]).await.unwrap();
    let open = "select count(*) from internal.project_values where value is not null";
    assert_eq!(world.number(open).await, 0, "it is sealed");
    assert_eq!(world.catalog.project(&path()).await.unwrap().parameters[0].value, Some(json!("***")));
    // Version 1 does not know that it is sensitive.
    let accepted = retry(&world, old, true).await.unwrap();
    let id = accepted.dispatches[0].tasks[0].0;
    assert_eq!(version_of(&world, id).await, 1);
    let open = "select count(*) from internal.batch_packages where project_values like '%s3cret-region%'";
    assert_eq!(world.number(open).await, 0, "it goes nowhere in the clear");
    let session = world.online_worker("one").await;
    world.hold(session, &[id]).await;
    let holder = Holder { session, attempt: 1 };
    let values = world.catalog.execution_values(id, holder, &world.sealer).await.unwrap();
    assert_eq!(values.project_values["region"], "s3cret-region");
}

#[tokio::test]
async fn a_project_is_deleted_only_when_nothing_of_it_is_left_to_run_and_its_history_stays() {
    let world = World::with_project().await;
    set(&world, json!({ "password": "s3cret" })).await;
    let ids = world.accept_noops(4).await.1;
    let mut later = request(json!([{ "package": "demo/flights/noop" }]));
    later.start_at = Some(jiff::Timestamp::now() + Duration::from_secs(3_600));
    world.accept(later).await.unwrap();
    let later = "select id from internal.executions where status = 1";
    let later = ExecutionId(world.sql.query_one(later, &[]).await.unwrap().get(0));
    world.set_status(ids[0], Status::Succeeded).await;
    world.hold(world.online_worker("one").await, &ids[1..3]).await;
    world.set_status(ids[2], Status::Stopping).await;
    // By a version that is not the current one any more.
    world.deploy_clearing(BARE, true).await.unwrap();
    for left in [4, 3, 2, 1] {
        let error = world.catalog.delete_project(&path(), &world.caller).await.unwrap_err();
        let RequestError::Conflict { message, hint } = error else { panic!("{error}") };
        let what = if left == 1 { "1 execution that has" } else { &format!("{left} executions that have") };
        assert!(
            message.contains(&format!("demo/flights was not deleted: it is used by {what} not ended")),
            "{message}"
        );
        assert!(hint.contains("--package demo/flights --status created,pending,running,stopping"), "{hint}");
        let next = ids.get(5 - left).copied().unwrap_or(later);
        let is = world.status_of(next).await;
        assert!(message.contains(&format!("{next} is {is}")), "{message}");
        world.set_status(next, Status::Canceled).await;
    }
    let was = world.catalog.delete_project(&path(), &world.caller).await.unwrap();
    assert_eq!((was.version, was.deployed_by.as_str()), (2, "tester"));

    assert!(world.catalog.projects(None).await.unwrap().is_empty());
    for table in ["bundles", "project_values"] {
        assert_eq!(world.number(&format!("select count(*) from internal.{table}")).await, 0, "{table}");
    }
    for gone in [
        world.catalog.delete_project(&path(), &world.caller).await.map(drop),
        world.catalog.versions(&path(), None, 5).await.map(drop),
        restore(&world, 1, true).await.map(drop),
        world.accept(request(json!([{ "package": "demo/flights/noop" }]))).await.map(drop),
        retry(&world, ids[0], false).await.map(drop),
        retry(&world, ids[0], true).await.map(drop),
    ] {
        assert!(matches!(gone, Err(RequestError::NotFound { .. })), "{gone:?}");
    }
    let shown = world.catalog.execution(ids[0], &world.manifests).await.unwrap();
    assert_eq!((shown.summary.project.as_str(), shown.project_version), ("flights", 1));
    let filter = ExecutionFilter {
        package: Some("demo/flights/noop".parse().unwrap()),
        limit: 50,
        ..Default::default()
    };
    assert_eq!(world.catalog.executions(&filter).await.unwrap().executions.len(), 5);

    assert_eq!(world.deploy(PROJECT).await.unwrap().version, 3, "a number never means two things");
    let versions = world.catalog.versions(&path(), None, 5).await.unwrap().versions;
    assert_eq!(versions.iter().map(|one| one.version).collect::<Vec<_>>(), [3], "what was deleted stays so");
    let same = retry(&world, ids[0], true).await.unwrap_err();
    assert!(same.to_string().contains("no version 1 of demo/flights any more"), "{same}");
    assert_eq!(
        version_of(&world, retry(&world, ids[0], false).await.unwrap().dispatches[0].tasks[0].0).await,
        3
    );
}

/// Deploys `PROJECT`, the same bytes, to the folder `other`.
async fn deploy_elsewhere(
    catalog: &Catalog,
    caller: &Caller,
    sealer: &Sealer,
) -> Result<[u8; 32], RequestError> {
    let bytes = packed(PROJECT);
    let project = Project::check(&bundle::unpack(&bytes).unwrap()).unwrap();
    let deployment = Deployment {
        folder: &Name::new("other").unwrap(),
        manifest: &ProjectManifest::from(&project),
        bundle: &bytes,
        hash: bundle::hash(&bytes),
        clear_unfit: false,
    };
    catalog.deploy(&deployment, caller, sealer).await.map(|_| deployment.hash)
}

#[tokio::test]
async fn a_bundle_stays_as_long_as_a_version_of_any_project_needs_it() {
    let world = World::with_project().await;
    let hash = deploy_elsewhere(&world.catalog, &world.caller, &world.sealer).await.unwrap();
    world.catalog.delete_project(&path(), &world.caller).await.unwrap();
    assert_eq!(world.catalog.bundle(&hash).await.unwrap(), packed(PROJECT));
    world.catalog.delete_project(&"other/flights".parse().unwrap(), &world.caller).await.unwrap();
    assert!(world.catalog.bundle(&hash).await.is_err(), "nobody needs it any more");
}

#[tokio::test]
async fn a_bundle_that_another_project_is_getting_stays() {
    let mut world = World::with_project().await;
    world.sql.batch_execute("insert into internal.folders (name) values ('other')").await.unwrap();
    let project = "insert into internal.projects (folder_id, name) select max(id), 'x' from internal.folders";
    world.sql.batch_execute(project).await.unwrap();
    let catalog = world.catalog.clone();
    // As a deploy of the same bytes does, which has not committed.
    let deploying = world.sql.transaction().await.unwrap();
    let version = "insert into internal.project_versions (project_id, version, bundle, description, parameters, deployed_by)
                   select (select max(id) from internal.projects), 1, hash, '', '{}', 't' from internal.bundles";
    deploying.batch_execute(version).await.unwrap();
    let boss = world.caller.clone();
    let deleting = tokio::spawn(async move { catalog.delete_project(&path(), &boss).await });
    wait(&deploying, 1, || deleting.is_finished()).await;
    deploying.commit().await.unwrap();
    deleting.await.unwrap().unwrap();
    assert_eq!(world.number("select count(*) from internal.bundles").await, 1);
}

#[tokio::test]
async fn a_bundle_that_is_going_is_brought_anew() {
    let mut world = World::with_project().await;
    set(&world, json!({ "region": "south" })).await;
    let (catalog, deploying) = (world.catalog.clone(), world.catalog.clone());
    let (caller, sealer) = (world.caller.clone(), world.sealer.clone());
    // Deleting is held up when it has locked the bundle: somebody has locked a value.
    let holding = world.sql.transaction().await.unwrap();
    holding.batch_execute("select from internal.project_values for update").await.unwrap();
    let boss = world.caller.clone();
    let deleting = tokio::spawn(async move { catalog.delete_project(&path(), &boss).await });
    wait(&holding, 1, || deleting.is_finished()).await;
    let deploying = tokio::spawn(async move { deploy_elsewhere(&deploying, &caller, &sealer).await });
    wait(&holding, 2, || deploying.is_finished()).await;
    holding.commit().await.unwrap();
    deleting.await.unwrap().unwrap();
    let hash = deploying.await.unwrap().unwrap();
    assert_eq!(world.catalog.bundle(&hash).await.unwrap(), packed(PROJECT));
}

/// How many wait for a lock in this test's database.
const WAITING: &str =
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

/// Until `n` wait for `holding`, or what they do is done.
async fn wait(holding: &Transaction<'_>, n: i64, done: impl Fn() -> bool) {
    let deadline = Instant::now() + MOMENT;
    while holding.query_one(WAITING, &[]).await.unwrap().get::<_, i64>(0) < n && !done() {
        assert!(Instant::now() < deadline, "fewer than {n} wait for a lock");
        // A transaction sees others' activity as it was when it first looked.
        holding.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
    }
}

#[tokio::test]
async fn deleting_waits_for_who_accepts_and_finds_what_it_accepted() {
    let mut world = World::with_project().await;
    let ids = world.accept_noops(1).await.1;
    world.set_status(ids[0], Status::Canceled).await;
    let catalog = world.catalog.clone();
    // As one that accepts does, which has not committed: here, a build that knows nothing of deleting.
    let accepting = world.sql.transaction().await.unwrap();
    let (batch, copy) = (Uuid::new_v4(), Uuid::from_u128(ids[0].0.as_u128() ^ 1));
    let statements = format!(
        "insert into internal.batches select '{batch}', created_at, caller, executions, request_hash, first_id, last_id from internal.batches limit 1;
         insert into internal.batch_packages select '{batch}', package_id, '{{}}', null from internal.batch_packages limit 1;
         insert into internal.executions (id, batch_id, package_id, retry_delay_ms, retries, priority, status, pool)
         select '{copy}', '{batch}', package_id, 0, 0, 1, 5, 'default' from internal.executions limit 1;
         insert into internal.dispatches (master_id, pool, priority, ids, attempts) values ('{batch}', 'default', 1, array['{copy}'::uuid], '{{1}}');"
    );
    accepting.batch_execute(&statements).await.unwrap();
    let boss = world.caller.clone();
    let deleting = tokio::spawn(async move { catalog.delete_project(&path(), &boss).await });
    wait(&accepting, 1, || deleting.is_finished()).await;
    accepting.commit().await.unwrap();
    let refused = deleting.await.unwrap().unwrap_err();
    assert!(refused.to_string().contains(&format!("{copy} is pending")), "{refused}");
}

#[tokio::test]
async fn who_accepts_waits_for_deleting_and_finds_the_project_gone() {
    let mut world = World::with_project().await;
    let database = world.catalog.clone();
    let (catalog, master, sealer, caller) =
        (world.catalog.clone(), world.master, world.sealer.clone(), world.caller.clone());
    // Deleting is held up before it is through: somebody has locked the bundle.
    let holding = world.sql.transaction().await.unwrap();
    holding.batch_execute("select from internal.bundles for update").await.unwrap();
    let boss = world.caller.clone();
    let deleting = tokio::spawn(async move { database.delete_project(&path(), &boss).await });
    wait(&holding, 1, || deleting.is_finished()).await;
    let accepting = tokio::spawn(async move {
        let manifests = Manifests::default();
        let accepting = Accepting {
            master,
            sealer: &sealer,
            manifests: &manifests,
            executions_max: EXECUTIONS_MAX,
            logging_level: LoggingLevel::Basic,
        };
        let wanted = request(json!([{ "package": "demo/flights/noop" }]));
        catalog.accept(wanted, &caller, &accepting).await
    });
    wait(&holding, 2, || accepting.is_finished()).await;
    holding.commit().await.unwrap();
    deleting.await.unwrap().unwrap();
    let gone = accepting.await.unwrap().unwrap_err();
    assert_eq!(gone.to_string(), "there is no project demo/flights any more: it was deleted");
    assert_eq!(world.number("select count(*) from internal.executions").await, 0);
}

#[tokio::test]
async fn a_value_that_is_set_beside_a_deploy_is_set() {
    let mut world = World::with_project().await;
    world.deploy(&[PROJECT[0], BARE[1]]).await.unwrap();
    let (catalog, caller, sealer) = (world.catalog.clone(), world.caller.clone(), world.sealer.clone());
    // As a deploy does that has not committed.
    let deploying = world.sql.transaction().await.unwrap();
    let update =
        "update internal.projects set current_version_id = (select min(id) from internal.project_versions)";
    deploying.batch_execute(update).await.unwrap();
    let values = json!({ "region": "south" }).as_object().unwrap().clone();
    let setting = tokio::spawn(async move { catalog.set_values(&path(), values, &caller, &sealer).await });
    wait(&deploying, 1, || setting.is_finished()).await;
    deploying.commit().await.unwrap();
    setting.await.unwrap().unwrap();
    assert_eq!(standing(&world).await, (1, 1));
}

/// What has not ended and cannot run.
const STRANDED: &str = "
    select count(*) from internal.executions e
    join internal.packages k on k.id = e.package_id
    join internal.project_versions v on v.id = k.version_id
    left join internal.bundles b on b.hash = v.bundle
    where e.status not in (3, 4, 6, 7) and b.hash is null";

#[tokio::test]
async fn nothing_is_accepted_of_a_deleted_project_whatever_comes_at_once() {
    let world = World::with_project().await;
    let rounds = 0..40;
    let accepting = async {
        let mut accepted = 0;
        for _ in rounds.clone() {
            match world.accept(request(json!([{ "package": "demo/flights/noop", "count": 3 }]))).await {
                Ok(answer) => {
                    accepted += 1;
                    assert_eq!(world.number(STRANDED).await, 0, "accepted of a deleted project");
                    let end = "update internal.executions set status = 3 where batch_id = $1";
                    world.sql.execute(end, &[&answer.answer.batch.0]).await.unwrap();
                }
                Err(RequestError::NotFound { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        accepted
    };
    let deleting = async {
        let mut deleted = 0;
        for _ in rounds.clone() {
            match world.catalog.delete_project(&path(), &world.caller).await {
                Ok(_) => deleted += 1,
                Err(RequestError::Conflict { .. } | RequestError::NotFound { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        deleted
    };
    let deploying = async {
        for n in rounds.clone() {
            let files = if n % 2 == 0 { PROJECT } else { BARE };
            let version = world.deploy(files).await.unwrap().version;
            match restore(&world, version - 1, false).await {
                Ok(_) | Err(RequestError::NotFound { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    };
    let (accepted, deleted, ()) = futures_util::join!(accepting, deleting, deploying);
    assert!(accepted > 0 && deleted > 0, "{accepted} accepted, {deleted} deleted: nothing came at once");
    assert_eq!(world.number(STRANDED).await, 0);
}
