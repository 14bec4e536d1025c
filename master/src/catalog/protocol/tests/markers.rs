//! Markers: what one shows to be lost is dispatched again, and only that.

use scaleout_common::ids::{ExecutionId, MarkerId};
use scaleout_common::priority::Priority;
use uuid::Uuid;

use super::super::MarkedQueue;
use super::dispatches::master;
use super::world::{World, claims};

fn marker() -> MarkerId {
    MarkerId(Uuid::new_v4())
}

/// A dispatch row that the broker has just confirmed.
async fn confirmed(world: &World, ids: &[ExecutionId]) {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let put = "insert into internal.dispatches (master_id, confirmed_at, priority, pool, ids, attempts)
               values (gen_random_uuid(), clock_timestamp(), 1, 'default', $1,
                       array_fill(1, array[cardinality($1::uuid[])]))";
    world.sql.execute(put, &[&ids]).await.unwrap();
}

/// The one queue with something to find.
async fn queue(world: &World) -> MarkedQueue {
    let mut queues = world.catalog.markers().await.unwrap();
    assert_eq!(queues.len(), 1, "{queues:?}");
    queues.remove(0)
}

async fn seen_a_while_ago(world: &World, marker: MarkerId) {
    world.catalog.see_markers(&[marker]).await.unwrap();
    let back = "update internal.markers set seen_at = seen_at - interval '31 seconds' where id = $1";
    world.sql.execute(back, &[&marker.0]).await.unwrap();
}

#[tokio::test]
async fn what_was_confirmed_before_a_marker_and_still_waits_is_dispatched_again() {
    let world = World::new().await;
    let session = world.session().await;
    let waiting = world.pending(6).await;
    confirmed(&world, &waiting[..3]).await;
    confirmed(&world, &waiting[3..4]).await;
    let before = queue(&world).await;
    assert_eq!((before.priority, before.promised, before.marker), (Priority::Normal, true, None));
    let (me, first) = (master(), marker());
    assert!(world.catalog.put_marker(&before, first).await.unwrap());
    // Published behind the marker: says nothing about it.
    confirmed(&world, &waiting[4..]).await;
    world.grant(&claims(session, 1, &waiting[..2])).await;

    // Neither unseen nor just seen does it show anything.
    assert_eq!(world.catalog.sweep_marker(first, me).await.unwrap(), 0);
    let outstanding = queue(&world).await.marker.unwrap();
    assert!(outstanding.0 == first && !outstanding.1.swept, "{outstanding:?}");
    assert_eq!(world.catalog.overdue_dispatches(me).await.unwrap(), []);

    let again = marker();
    assert!(world.catalog.put_marker(&queue(&world).await, again).await.unwrap());
    seen_a_while_ago(&world, first).await;
    assert_eq!(world.catalog.sweep_marker(first, me).await.unwrap(), 0, "it has been replaced");
}

#[tokio::test]
async fn a_sweep_finds_only_what_lay_before_the_marker() {
    let world = World::new().await;
    let session = world.session().await;
    let waiting = world.pending(6).await;
    confirmed(&world, &waiting[..3]).await;
    confirmed(&world, &waiting[3..4]).await;
    let (me, marker) = (master(), marker());
    assert!(world.catalog.put_marker(&queue(&world).await, marker).await.unwrap());
    confirmed(&world, &waiting[4..]).await;
    world.grant(&claims(session, 1, &waiting[..2])).await;
    seen_a_while_ago(&world, marker).await;
    assert_eq!(world.catalog.sweep_marker(marker, me).await.unwrap(), 2);
    let taken = world.catalog.overdue_dispatches(me).await.unwrap();
    let mut tasks: Vec<_> = taken.into_iter().flat_map(|dispatch| dispatch.tasks).collect();
    tasks.sort_unstable();
    assert_eq!(tasks, [(waiting[2], 1), (waiting[3], 1)]);
    assert_eq!(
        world.number("select count(*) from internal.dispatches where confirmed_at is not null").await,
        1
    );
    assert_eq!(world.catalog.found_by_markers().await.unwrap(), 2);
    // It has served, and is told apart from one that has not.
    assert!(queue(&world).await.marker.unwrap().1.swept);
    assert_eq!(world.catalog.sweep_marker(marker, me).await.unwrap(), 0);
    assert_eq!(world.catalog.found_by_markers().await.unwrap(), 2);
}

#[tokio::test]
async fn of_two_leaders_one_puts_the_marker_and_a_failed_one_is_not_awaited() {
    let world = World::new().await;
    let waiting = world.pending(1).await;
    confirmed(&world, &waiting).await;
    let seen = queue(&world).await;
    let (one, two) = (marker(), marker());
    assert!(world.catalog.put_marker(&seen, one).await.unwrap());
    assert!(!world.catalog.put_marker(&seen, two).await.unwrap());
    world.catalog.unput_marker(one).await.unwrap();
    let (id, outstanding) = queue(&world).await.marker.unwrap();
    assert!(id == one && outstanding.swept && outstanding.age.as_secs() < 60, "{outstanding:?}");
    // Unknown markers are none of anybody's concern.
    world.catalog.see_markers(&[two, marker()]).await.unwrap();
}

#[tokio::test]
async fn builds_that_do_not_know_markers_are_sent_none() {
    let world = World::new().await;
    world.session().await;
    assert!(world.catalog.may_mark().await.unwrap());
    let old = world.catalog.appear(master(), "h", "a", "0.1.0").await.unwrap().unwrap();
    assert!(!world.catalog.may_mark().await.unwrap());
    drop(old);
    world.sql.execute("delete from internal.masters", &[]).await.unwrap();
    world.sql.execute("update internal.workers set version = '0.1.0'", &[]).await.unwrap();
    assert!(!world.catalog.may_mark().await.unwrap());
    world.sql.execute("update internal.sessions set ended_at = clock_timestamp()", &[]).await.unwrap();
    assert!(world.catalog.may_mark().await.unwrap());
}

#[tokio::test]
async fn builds_that_do_not_know_them_are_sent_no_messages_of_several_executions() {
    let world = World::new().await;
    world.session().await;
    for (version, together) in [("0.3.0", true), ("0.2.9", false), ("1.0.0", true)] {
        world.sql.execute("update internal.workers set version = $1", &[&version]).await.unwrap();
        assert_eq!(world.catalog.may_send_together().await.unwrap(), together, "{version}");
        assert!(world.catalog.may_mark().await.unwrap());
    }
    // One that is stopped may come back with its build.
    world.sql.execute("update internal.workers set version = '0.2.9'", &[]).await.unwrap();
    for (hours, together) in [(1, false), (167, false), (169, true)] {
        let ended = "update internal.sessions set ended_at = clock_timestamp(), heartbeat_at = clock_timestamp() - make_interval(hours => $1)";
        world.sql.execute(ended, &[&hours]).await.unwrap();
        assert_eq!(world.catalog.may_send_together().await.unwrap(), together, "{hours}");
    }
}

#[tokio::test]
async fn a_marker_published_once_more_shows_what_its_first_copy_showed() {
    let world = World::new().await;
    let (early, late) = (world.pending(2).await, world.pending(2).await);
    confirmed(&world, &early).await;
    let marker = marker();
    assert!(world.catalog.put_marker(&queue(&world).await, marker).await.unwrap());
    assert!(!world.catalog.repeat_marker(marker).await.unwrap(), "not so soon");
    // A backlog of hours: it is still on its way, and what comes meanwhile lies behind it.
    let back = "update internal.markers set repeated_at = repeated_at - interval '61 seconds'";
    world.sql.batch_execute(back).await.unwrap();
    confirmed(&world, &late).await;
    assert!(world.catalog.repeat_marker(marker).await.unwrap());
    assert!(!world.catalog.repeat_marker(marker).await.unwrap(), "another leader has just done it");
    let (id, outstanding) = queue(&world).await.marker.unwrap();
    assert!(id == marker && outstanding.age.as_secs() < 60, "{outstanding:?}");
    seen_a_while_ago(&world, marker).await;
    assert_eq!(world.catalog.sweep_marker(marker, master()).await.unwrap(), early.len() as u64);
    world.sql.batch_execute(back).await.unwrap();
    assert!(!world.catalog.repeat_marker(marker).await.unwrap(), "it has come out");
}
