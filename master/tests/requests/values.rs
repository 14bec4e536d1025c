//! Values: what was set for a project, what an execution's holder gets, and that secrets are nowhere in the clear.

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::names::ProjectPath;
use scaleout_common::status::Status;
use scaleout_master::catalog::Sealer;
use scaleout_master::catalog::requests::{Holder, RequestError};
use serde_json::{Value, json};

use crate::world::{World, places, request};

async fn set(world: &World, values: Value) -> Result<(), RequestError> {
    let path: ProjectPath = "demo/flights".parse().unwrap();
    let values = values.as_object().unwrap().clone();
    world.catalog.set_values(&path, values, &world.caller, &world.sealer).await
}

async fn accept_load(world: &World) -> ExecutionId {
    let parameters = json!({ "day": "2024-02-29", "rows": "12", "key": "s3cret-key" });
    let items = json!([{ "package": "demo/flights/load", "parameters": parameters }]);
    let accepted = world.accept(request(items)).await.unwrap();
    accepted.dispatches[0].tasks[0].0
}

fn holder(session: SessionId) -> Holder {
    Holder { session, attempt: 1 }
}

#[tokio::test]
async fn values_of_a_project_are_set_cleared_and_masked() {
    let world = World::with_project().await;
    set(&world, json!({ "region": "south", "password": "s3cret" })).await.unwrap();
    let path: ProjectPath = "demo/flights".parse().unwrap();
    let shown = world.catalog.project(&path).await.unwrap();
    let value = |name: &str| {
        let parameter = shown.parameters.iter().find(|parameter| parameter.name == name).unwrap();
        (parameter.value.clone(), parameter.default.clone())
    };
    assert_eq!(value("region"), (Some(json!("south")), Some(json!("north"))));
    assert_eq!(value("password"), (Some(json!("***")), None));
    assert_eq!(shown.package_details.len(), 2);

    set(&world, json!({ "password": null })).await.unwrap();
    let shown = world.catalog.project(&path).await.unwrap();
    let left: Vec<&str> = shown
        .parameters
        .iter()
        .filter(|parameter| parameter.value.is_some())
        .map(|parameter| parameter.name.as_str())
        .collect();
    assert_eq!(left, ["region"]);
}

#[tokio::test]
async fn a_wrong_value_sets_nothing() {
    let world = World::with_project().await;
    let error = set(&world, json!({ "region": "south", "regoin": "x", "password": 1 })).await.unwrap_err();
    let RequestError::Parameters { problems, .. } = error else { panic!("{error}") };
    assert_eq!(places(&problems), ["values.password", "values.regoin"]);
    assert_eq!(world.number("select count(*) from internal.project_values").await, 0);

    let path: ProjectPath = "demo/flihgts".parse().unwrap();
    let error = world.catalog.set_values(&path, Default::default(), &world.caller, &world.sealer).await;
    let RequestError::NotFound { hint, .. } = error.unwrap_err() else { panic!("found") };
    assert_eq!(hint.as_deref(), Some("did you mean demo/flights?"));
}

#[tokio::test]
async fn only_the_holder_gets_the_values_and_only_while_it_holds() {
    let world = World::with_project().await;
    set(&world, json!({ "password": "s3cret-password" })).await.unwrap();
    let id = accept_load(&world).await;
    // What is set later does not reach what has been accepted.
    set(&world, json!({ "region": "later" })).await.unwrap();
    let session = world.online_worker("one").await;
    let refused = world.catalog.execution_values(id, holder(session), &world.sealer).await;
    assert!(matches!(refused, Err(RequestError::Conflict { .. })));

    world.hold(session, &[id]).await;
    let found = world.catalog.execution_values(id, holder(session), &world.sealer).await.unwrap();
    let expected = json!({ "day": "2024-02-29", "rows": 12, "key": "s3cret-key" });
    assert_eq!(Value::Object(found.values), expected);
    let expected = json!({ "region": "north", "password": "s3cret-password" });
    assert_eq!(Value::Object(found.project_values), expected);

    let other = world.online_worker("two").await;
    let later = SessionId { counter: 2, ..session };
    let strangers = [holder(other), holder(later), Holder { session, attempt: 2 }];
    for stranger in strangers {
        let refused = world.catalog.execution_values(id, stranger, &world.sealer).await;
        assert!(matches!(refused, Err(RequestError::Conflict { .. })), "{stranger:?}");
    }
    world.set_status(id, Status::Stopping).await;
    assert!(world.catalog.execution_values(id, holder(session), &world.sealer).await.is_ok());
    world.set_status(id, Status::Succeeded).await;
    assert!(world.catalog.execution_values(id, holder(session), &world.sealer).await.is_err());
}

#[tokio::test]
async fn secrets_are_nowhere_in_the_clear() {
    let world = World::with_project().await;
    set(&world, json!({ "password": "s3cret-password" })).await.unwrap();
    let id = accept_load(&world).await;
    let shown = world.catalog.execution(id, &world.manifests).await.unwrap();
    assert_eq!(shown.parameters["key"], "***");
    assert_eq!(shown.parameters["day"], "2024-02-29");
    for table in ["executions", "batch_packages", "project_values", "batches", "dispatches"] {
        let found = format!(
            "select count(*) from internal.{table} t where t::text like '%s3cret%'
             or t::text like '%' || encode('s3cret', 'hex') || '%'"
        );
        assert_eq!(world.number(&found).await, 0, "{table}");
    }
}

#[tokio::test]
async fn without_a_key_nothing_sensitive_is_accepted() {
    let mut world = World::with_project().await;
    world.sealer = Sealer::from_file(std::path::Path::new("")).unwrap();
    let parameters = json!({ "day": "2024-02-29", "key": "s3cret" });
    let items = json!([{ "package": "demo/flights/load", "parameters": parameters }]);
    let error = world.accept(request(items)).await.unwrap_err();
    assert!(error.to_string().contains("master.secret_key_file"), "{error}");
    assert_eq!(world.number("select count(*) from internal.batches").await, 0);
    // Everything else works without.
    world.accept_noops(1).await;
}

#[tokio::test]
async fn a_required_value_of_the_project_must_be_set_before() {
    let world = World::empty().await;
    let project = "name = \"flights\"\n[parameters.url]\ntype = \"string\"\nrequired = true\n";
    world.deploy(&[("project.toml", project), ("packages/noop.toml", "")]).await.unwrap();
    let wanted = || request(json!([{ "package": "demo/flights/noop" }]));
    let error = world.accept(wanted()).await.unwrap_err();
    let RequestError::Parameters { problems, .. } = error else { panic!("{error}") };
    assert_eq!(places(&problems), ["projects.demo/flights.parameters.url"]);
    assert!(problems[0].message.contains("scaleout project set demo/flights url="), "{problems:?}");
    set(&world, json!({ "url": "x" })).await.unwrap();
    world.accept(wanted()).await.unwrap();
}
