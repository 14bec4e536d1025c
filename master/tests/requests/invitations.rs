//! Invitations: each makes one worker, for as long as it is good and the token that made it is.

use std::time::Duration;

use scaleout_common::names::PoolName;
use scaleout_master::catalog::requests::{Caller, JoinRefusal, NewToken, Reach, Role, VALID_S_MAX};

use crate::world::World;

async fn boss(world: &World) -> Caller {
    world.catalog.create_token("boss", Role::Admin).await.unwrap();
    Caller::new("boss", Role::Admin)
}

async fn invite(world: &World, boss: &Caller) -> String {
    let etl: PoolName = "etl".parse().unwrap();
    world.catalog.invite(&[etl], 3_600, boss).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_machines_at_once_one_joins() {
    let world = World::with_project().await;
    let boss = boss(&world).await;
    for _ in 0..5 {
        let secret = invite(&world, &boss).await;
        let (one, other) = tokio::join!(
            world.catalog.join(&secret, "rack-1", None),
            world.catalog.join(&secret, "rack-2", None)
        );
        let (joined, refused) = match (one, other) {
            (Ok(joined), Err(refused)) | (Err(refused), Ok(joined)) => (joined, refused),
            other => panic!("{other:?}"),
        };
        assert!(matches!(refused, JoinRefusal::Used { .. }), "{refused}");
        assert_eq!(joined.pools.len(), 1);
        let caller = world.catalog.authenticate(&joined.token).await.unwrap().unwrap();
        assert_eq!((caller.name, caller.role), (joined.name, Role::Worker));
    }
    let tokens = "select count(*) from internal.tokens where role = 'worker'";
    assert_eq!(world.number(tokens).await, 5);
}

#[tokio::test]
async fn one_that_is_unknown_too_old_or_whose_maker_was_revoked_opens_nothing() {
    let world = World::with_project().await;
    let boss = boss(&world).await;
    let unknown = world.catalog.join("nonsense", "rack-1", None).await.unwrap_err();
    assert!(matches!(unknown, JoinRefusal::Unknown), "{unknown}");
    let old = invite(&world, &boss).await;
    world.sql.batch_execute("update internal.invitations set expires_at = clock_timestamp()").await.unwrap();
    let expired = world.catalog.join(&old, "rack-1", None).await.unwrap_err();
    assert!(matches!(expired, JoinRefusal::Expired(_)), "{expired}");

    let secret = invite(&world, &boss).await;
    world.catalog.revoke_token("boss").await.unwrap();
    for _ in 0..2 {
        let refused = world.catalog.join(&secret, "rack-1", None).await.unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("the token boss, which made the invitation, was revoked or has expired"),
            "{refused}"
        );
        // One of the same name is another token.
        let _ = world.catalog.create_token("boss", Role::Admin).await;
    }
    assert_eq!(world.number("select count(*) from internal.tokens where role = 'worker'").await, 0);
}

#[tokio::test]
async fn one_ends_with_the_token_that_made_it() {
    let world = World::with_project().await;
    let hour = Duration::from_secs(3_600);
    let new = NewToken { name: "boss", role: Role::Admin, reach: Reach::All, expires_in: Some(hour) };
    world.catalog.make_token(&new).await.unwrap();
    let boss = Caller::new("boss", Role::Admin);
    let (secret, until) = world.catalog.invite(&[], VALID_S_MAX, &boss).await.unwrap();
    let ends = "select count(*) from internal.tokens where name = 'boss' and expires_at = (select expires_at from internal.invitations)";
    assert_eq!(world.number(ends).await, 1, "{until}");
    // One that an earlier build made is not cut short.
    let expire = "update internal.invitations set expires_at = clock_timestamp() + interval '1 day';
                  update internal.tokens set expires_at = clock_timestamp() where name = 'boss'";
    world.sql.batch_execute(expire).await.unwrap();
    let refused = world.catalog.join(&secret, "rack-1", None).await.unwrap_err();
    assert!(matches!(refused, JoinRefusal::Ended(_)), "{refused}");
}
