//! Exchanges and queues as DESIGN §6 has them.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::FutureExt as _;
use lapin::options::QueueDeleteOptions;
use scaleout_broker::topology::{CLAIMS, DEAD, LOGS, OUTCOMES, UNROUTED, task_queue};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;

use crate::management::Management;
use crate::world::{World, pool, within};

#[tokio::test]
async fn everything_is_declared_and_may_be_declared_again() {
    let world = World::new().await;
    // A second master on the same virtual host declares all of it again.
    let again = World::on(world.vhost.clone()).await;
    let etl = pool("etl");
    for link in [&world.link, &again.link] {
        link.declare_pool(&etl).await.unwrap();
        link.declare_pool(&etl).await.unwrap();
    }
    let management = Management::new(&world.vhost.name);
    let found: BTreeSet<String> = management.queues().await.into_iter().collect();
    let mut expected: BTreeSet<String> = [UNROUTED, DEAD, OUTCOMES, CLAIMS, LOGS].map(String::from).into();
    for name in [pool("default"), etl] {
        expected.extend(Priority::ALL.map(|priority| task_queue(&name, priority)));
    }
    assert_eq!(found, expected);
    for name in expected {
        let queue = management.queue(&name).await;
        assert_eq!(queue["durable"], true, "{name}");
        let kind = if name == CLAIMS { "classic" } else { "quorum" };
        assert_eq!(queue["arguments"]["x-queue-type"], kind, "{name}");
        if kind == "quorum" {
            assert_eq!(queue["arguments"]["x-delivery-limit"], 1_000_000_000, "{name}");
        }
    }
    let logs = management.queue(LOGS).await;
    assert_eq!(logs["arguments"]["x-overflow"], "reject-publish");
    again.end().await;
    world.end().await;
}

#[tokio::test]
async fn a_pool_that_has_served_goes_unless_somebody_consumes_it() {
    let world = World::new().await;
    let (gone, other) = (pool("gone"), pool("other"));
    for name in [&gone, &other] {
        world.link.declare_pool(name).await.unwrap();
    }
    let queue = task_queue(&gone, Priority::Low);
    let consuming = world.link.consume(&queue, 1).await.unwrap();
    assert!(!world.link.remove_pool(&gone).await.unwrap(), "one is consumed");
    assert_eq!(world.link.depth(&queue).await.unwrap().consumers, 1, "and stays");
    consuming.close().await;
    assert!(world.link.remove_pool(&gone).await.unwrap());
    assert!(world.link.remove_pool(&gone).await.unwrap(), "what is not there is gone");
    let left = Management::new(&world.vhost.name).queues().await;
    assert!(!left.iter().any(|name| name.contains(".gone.")), "{left:?}");
    assert_eq!(left.iter().filter(|name| name.contains(".other.")).count(), 3, "{left:?}");
    // It may be needed again, and the link holds.
    world.link.declare_pool(&gone).await.unwrap();
    world.link.depth(&queue).await.unwrap();
    world.end().await;
}

/// As when the leader replaces a queue while others build their links.
#[tokio::test]
async fn what_is_deleted_while_it_is_declared_is_declared_once_more() {
    let world = World::new().await;
    let (connection, channel) = world.raw().await;
    let queue = task_queue(&PoolName::default(), Priority::Low);
    // At every moment of a declaration. The queue is there: RabbitMQ 3.10 never again declares one that was deleted while
    // it was being made, which nobody of ours does.
    for round in 0..60 {
        let began = Instant::now();
        world.link.declare_topology().await.unwrap();
        let takes = began.elapsed();
        let deleting = async {
            tokio::time::sleep(takes.mul_f64(f64::from(round) / 60.0)).await;
            channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await
        };
        let (declared, deleted) =
            within(async { tokio::join!(world.link.declare_topology(), deleting) }).await;
        declared.unwrap();
        deleted.unwrap();
    }
    connection.close(200, "done".into()).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_queue_that_is_another_than_ours_is_refused_and_only_where_it_is_wanted() {
    let world = World::new().await;
    let (_connection, channel) = world.raw().await;
    let etl = pool("etl");
    let queue = task_queue(&etl, Priority::High);
    channel.queue_declare(queue.as_str().into(), Default::default(), Default::default()).await.unwrap();
    let refused = world.link.declare_pool(&etl).await.unwrap_err();
    assert!(
        refused.to_string().contains(&queue) && refused.to_string().contains("PRECONDITION"),
        "{refused}"
    );
    world.link.restore_topology().await.unwrap();
    assert!(world.link.failed().now_or_never().is_none(), "it has cost the link");
    world.end().await;
}

/// A worker does so whenever it subscribes, many times a minute.
#[tokio::test]
async fn what_was_declared_over_a_link_is_only_bound_after_that() {
    let world = World::new().await;
    let (_connection, channel) = world.raw().await;
    let etl = pool("etl");
    world.link.declare_pool(&etl).await.unwrap();
    let bindings =
        async || Management::new(&world.vhost.name).bindings(&task_queue(&etl, Priority::High)).await;
    let all = bindings().await;
    let management = Management::new(&world.vhost.name);
    management.delete_binding("scaleout.tasks", &task_queue(&etl, Priority::High), "etl.high").await;
    assert_ne!(bindings().await, all);
    world.link.declare_pool(&etl).await.unwrap();
    assert_eq!(bindings().await, all, "what was unbound is bound");
    let low = task_queue(&etl, Priority::Low);
    channel.queue_delete(low.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    world.link.declare_pool(&etl).await.unwrap();
    world.link.depth(&low).await.unwrap();
    // Of another kind now, which a declaration would refuse.
    channel.queue_delete(low.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    channel.queue_declare(low.as_str().into(), Default::default(), Default::default()).await.unwrap();
    world.link.declare_pool(&etl).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn depth_counts_messages_and_consumers() {
    let world = World::new().await;
    let queue = crate::world::default_queue();
    world.publisher().await.publish(crate::world::tasks(3)).await.unwrap();
    let depth = world.link.depth(&queue).await.unwrap();
    assert_eq!((depth.ready, depth.consumers), (3, 0));
    let mut full = world.link.consume(&queue, 1).await.unwrap();
    let _second = world.link.consume(&queue, 1).await.unwrap();
    crate::world::next(&mut full).await;
    assert_eq!(world.link.depth(&queue).await.unwrap().consumers, 2, "those with a full prefetch too");
    // What is not there is an error of the question, not of the link.
    let error = world.link.depth("nowhere").await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert_eq!(world.link.depth(&queue).await.unwrap().consumers, 2);
    world.end().await;
}
