//! The sentinel: there, gone, and what is neither.

use futures_util::FutureExt as _;
use scaleout_broker::Outgoing;
use scaleout_broker::topology::{CLAIMS, OUTCOMES, Sentinel};
use uuid::Uuid;

use crate::management::Management;
use crate::world::{World, default_queue, next, no_outcomes, tasks};

fn sentinel(epoch: u64) -> Sentinel {
    Sentinel { epoch, mark: Uuid::from_u128(0x5e) }
}

#[tokio::test]
async fn the_sentinel_is_there_until_it_is_gone() {
    let world = World::new().await;
    assert!(!world.link.has_sentinel(sentinel(7)).await.unwrap(), "looking does not make it");
    assert!(!world.link.has_sentinel(sentinel(7)).await.unwrap());
    world.link.declare_sentinel(sentinel(7)).await.unwrap();
    world.link.declare_sentinel(sentinel(7)).await.unwrap();
    assert!(world.link.has_sentinel(sentinel(7)).await.unwrap());
    assert!(!world.link.has_sentinel(sentinel(8)).await.unwrap());
    let late = Sentinel { mark: Uuid::from_u128(0x1a7e), ..sentinel(7) };
    assert!(!world.link.has_sentinel(late).await.unwrap(), "another's of the same epoch is not this one");
    Management::new(&world.vhost.name).delete_queue(&sentinel(7).queue()).await;
    assert!(!world.link.has_sentinel(sentinel(7)).await.unwrap());
    world.link.remove_sentinel(sentinel(7)).await.unwrap();
    world.link.declare_sentinel(sentinel(8)).await.unwrap();
    world.link.remove_sentinel(sentinel(8)).await.unwrap();
    assert!(!world.link.has_sentinel(sentinel(8)).await.unwrap());
    // The looks that found nothing closed no channel but their own, and the link holds.
    assert!(world.link.failed().now_or_never().is_none());
    world.publisher().await.publish(tasks(1)).await.unwrap();
    next(&mut world.link.consume(&default_queue(), 1).await.unwrap()).await;
    world.end().await;
}

#[tokio::test]
async fn a_look_that_is_refused_is_no_answer() {
    let world = World::new().await;
    world.link.declare_sentinel(sentinel(3)).await.unwrap();
    // Somebody else's exclusive queue of that name is a 405: not the word that there is none.
    let (_connection, channel) = world.raw().await;
    let options = lapin::options::QueueDeclareOptions { exclusive: true, ..Default::default() };
    channel.queue_declare(sentinel(4).queue().into(), options, Default::default()).await.unwrap();
    let refused = world.link.has_sentinel(sentinel(4)).await.unwrap_err();
    assert!(refused.to_string().contains("scaleout.sentinel.4"), "{refused}");
    assert!(world.link.has_sentinel(sentinel(3)).await.unwrap());
    world.end().await;
}

#[tokio::test]
async fn what_somebody_deleted_or_unbound_comes_back() {
    let world = World::new().await;
    let management = Management::new(&world.vhost.name);
    // What binding alone brings back, and then what is declared because it is missing.
    management.delete_binding("scaleout.results", CLAIMS, "claim").await;
    management.delete_binding("scaleout.tasks", &default_queue(), "default.normal").await;
    management.delete_exchange("scaleout.unrouted").await;
    world.link.restore_topology().await.unwrap();
    management.delete_queue(OUTCOMES).await;
    world.link.restore_topology().await.unwrap();
    let publisher = world.publisher().await;
    publisher.publish(tasks(1)).await.unwrap();
    next(&mut world.link.consume(&default_queue(), 1).await.unwrap()).await;
    publisher.publish(vec![Outgoing::to_claims(&no_outcomes(), "inbox").unwrap()]).await.unwrap();
    next(&mut world.link.consume(CLAIMS, 1).await.unwrap()).await;
    publisher.publish(vec![Outgoing::to_outcomes(&no_outcomes(), "inbox").unwrap()]).await.unwrap();
    world.end().await;
}
