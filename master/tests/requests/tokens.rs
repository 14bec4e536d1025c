//! Tokens.

use std::time::Duration;

use scaleout_common::names::Name;
use scaleout_master::catalog::requests::{Caller, NewToken, Presented, Reach, RequestError, Role};

use crate::world::World;

#[tokio::test]
async fn a_token_opens_until_it_is_revoked() {
    let world = World::empty().await;
    let token = world.catalog.create_token("ci", Role::Reader).await.unwrap();
    assert!(token.starts_with("so_") && token.len() == 3 + 64, "{token}");
    let caller = world.catalog.authenticate(&token).await.unwrap();
    assert_eq!(caller, Some(Caller::new("ci", Role::Reader)));
    assert_eq!(world.catalog.authenticate("so_nonsense").await.unwrap(), None);

    let taken = world.catalog.create_token("ci", Role::Admin).await.unwrap_err();
    assert!(matches!(taken, RequestError::Conflict { .. }), "{taken}");

    assert!(world.catalog.revoke_token("ci").await.unwrap());
    assert!(!world.catalog.revoke_token("ci").await.unwrap());
    assert_eq!(world.catalog.authenticate(&token).await.unwrap(), None);
    // The name is free again.
    let second = world.catalog.create_token("ci", Role::Admin).await.unwrap();
    assert_ne!(second, token);
    let tokens = world.catalog.tokens().await.unwrap();
    assert_eq!(tokens.iter().map(|one| one.revoked_at.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn the_catalog_does_not_know_the_token() {
    let world = World::empty().await;
    let token = world.catalog.create_token("ci", Role::Admin).await.unwrap();
    let secret = token.strip_prefix("so_").unwrap();
    let found = format!("select count(*) from internal.tokens t where t::text like '%{secret}%'");
    assert_eq!(world.number(&found).await, 0);
}

#[tokio::test]
async fn a_name_must_be_one() {
    let world = World::empty().await;
    for bad in ["", " ci", "a/b"] {
        let error = world.catalog.create_token(bad, Role::Admin).await.unwrap_err();
        assert!(matches!(error, RequestError::Invalid { .. }), "{bad:?}: {error}");
    }
}

fn folders(names: &[&str]) -> Reach {
    Reach::Folders(names.iter().map(|name| Name::new(*name).unwrap()).collect())
}

#[tokio::test]
async fn a_token_with_bounds_is_no_token_to_a_build_that_knows_of_none() {
    let world = World::empty().await;
    let new = NewToken { name: "night", role: Role::Operator, reach: folders(&["b", "a"]), expires_in: None };
    let token = world.catalog.make_token(&new).await.unwrap();
    let caller = world.catalog.authenticate(&token).await.unwrap().unwrap();
    assert_eq!((caller.reach.to_string().as_str(), caller.role), ("a, b", Role::Operator));
    // What 0.2 asks.
    let asked =
        "select count(*) from internal.tokens where hash = sha256($1::text::bytea) and revoked_at is null";
    let found: i64 = world.sql.query_one(asked, &[&token]).await.unwrap().get(0);
    assert_eq!(found, 0);
    let plain = world.catalog.create_token("ci", Role::Operator).await.unwrap();
    let found: i64 = world.sql.query_one(asked, &[&plain]).await.unwrap().get(0);
    assert_eq!(found, 1);
    assert_eq!(world.catalog.unknown_folders(&folders(&["b", "a"])).await.unwrap().len(), 2);
    let listed = world.catalog.tokens().await.unwrap();
    assert_eq!(listed[0].reach, folders(&["a", "b"]));
    assert!(listed[0].used_at.is_some() && listed[1].used_at.is_none());
}

#[tokio::test]
async fn a_token_ends_by_itself() {
    let world = World::empty().await;
    let new = NewToken {
        name: "ci",
        role: Role::Reader,
        reach: Reach::All,
        expires_in: Some(Duration::from_secs(3_600)),
    };
    let token = world.catalog.make_token(&new).await.unwrap();
    assert!(matches!(world.catalog.presented(&token).await.unwrap(), Presented::Good(_)));
    world.sql.batch_execute("update internal.tokens set expires_at = clock_timestamp()").await.unwrap();
    assert!(matches!(world.catalog.presented(&token).await.unwrap(), Presented::Expired(_)));
    assert_eq!(world.catalog.authenticate(&token).await.unwrap(), None);
}

#[tokio::test]
async fn bounds_that_do_not_fit_are_refused() {
    let world = World::empty().await;
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (role, reach, seconds, says) in [
        (Role::Admin, folders(&["a"]), None, "reaches all folders"),
        (Role::Worker, folders(&["a"]), None, "of all folders"),
        (Role::Reader, folders(&many), None, "1 to 100 folders"),
        (Role::Reader, folders(&[]), None, "1 to 100 folders"),
        (Role::Reader, Reach::All, Some(1), "60 s to 3650 days"),
        (Role::Reader, Reach::All, Some(400_000_000), "60 s to 3650 days"),
    ] {
        let new = NewToken { name: "x", role, reach, expires_in: seconds.map(Duration::from_secs) };
        let error = world.catalog.make_token(&new).await.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test]
async fn nobody_is_called_as_the_audit_calls_others() {
    let world = World::empty().await;
    for name in ["unknown", "the catalog's owner", "schedule night"] {
        let error = world.catalog.create_token(name, Role::Operator).await.unwrap_err();
        assert!(matches!(error, RequestError::Invalid { .. }), "{name}: {error}");
    }
    assert!(world.catalog.create_token("scheduler", Role::Operator).await.is_ok());
}
