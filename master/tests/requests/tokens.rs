//! Tokens.

use scaleout_master::catalog::requests::{Caller, RequestError, Role};

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
