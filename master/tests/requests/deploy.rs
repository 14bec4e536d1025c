//! Deploy: immutable versions.

use scaleout_master::catalog::requests::RequestError;

use crate::world::{PROJECT, World, packed};

const NEXT: &[(&str, &str)] = &[
    ("project.toml", "name = \"flights\"\ndescription = \"next\"\n"),
    ("packages/load.toml", "[parameters.month]\ntype = \"string\"\n"),
];

#[tokio::test]
async fn every_changed_bundle_is_a_new_version() {
    let world = World::empty().await;
    let first = world.deploy(PROJECT).await.unwrap();
    assert_eq!((first.version, first.unchanged), (1, false));
    assert_eq!((first.folder.as_str(), first.project.as_str()), ("demo", "flights"));
    assert_eq!(first.packages, ["load", "noop"]);

    let again = world.deploy(PROJECT).await.unwrap();
    assert_eq!((again.version, again.unchanged), (1, true));
    assert_eq!(again.bundle, first.bundle);

    let next = world.deploy(NEXT).await.unwrap();
    assert_eq!((next.version, next.unchanged), (2, false));
    // The first one's bytes are known already: a new version that shares them.
    let back = world.deploy(PROJECT).await.unwrap();
    assert_eq!((back.version, back.unchanged), (3, false));
    assert_eq!(world.number("select count(*) from internal.bundles").await, 2);

    let projects = world.catalog.projects(Some("demo")).await.unwrap();
    assert_eq!(projects.len(), 1);
    assert_eq!((projects[0].version, projects[0].packages), (3, 2));
    assert_eq!(projects[0].deployed_by, "tester");
    assert!(world.catalog.projects(Some("other")).await.unwrap().is_empty());
}

#[tokio::test]
async fn deploys_at_once_make_versions_one_after_the_other() {
    let world = World::with_project().await;
    let texts: Vec<String> = (0..5).map(|n| format!("description = \"number {n}\"\n")).collect();
    let deploys = texts
        .iter()
        .map(|text| async { world.deploy(&[NEXT[0], ("packages/load.toml", text)]).await.unwrap().version });
    let mut versions = futures_util::future::join_all(deploys).await;
    versions.sort();
    assert_eq!(versions, [2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_bundle_is_given_back_by_its_hash() {
    let world = World::with_project().await;
    let bytes = packed(PROJECT);
    let hash = scaleout_package::bundle::hash(&bytes);
    assert_eq!(world.catalog.bundle(&hash).await.unwrap(), bytes);
    let unknown = world.catalog.bundle(&[0; 32]).await.unwrap_err();
    assert!(matches!(unknown, RequestError::NotFound { .. }), "{unknown}");
}

#[tokio::test]
async fn executions_keep_the_version_they_were_accepted_with() {
    let world = World::with_project().await;
    let (_, ids) = world.accept_noops(1).await;
    world.deploy(NEXT).await.unwrap();
    let shown = world.catalog.execution(ids[0], &world.manifests).await.unwrap();
    assert_eq!(shown.project_version, 1);
    // `noop` is not in the new version.
    let gone = world.accept(crate::world::request(serde_json::json!([{ "package": "demo/flights/noop" }])));
    assert!(matches!(gone.await.unwrap_err(), RequestError::NotFound { .. }));
}
