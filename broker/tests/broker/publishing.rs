//! Publishing: what the broker has when a publish returns, and what is said when it has not.

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicGetOptions};
use lapin::types::FieldTable;
use scaleout_broker::topology::{CLAIMS, DEAD, KEY_CLAIM, LOGS, UNROUTED, parse_task_key};
use scaleout_broker::{Outgoing, PublishError};
use scaleout_common::priority::Priority;
use scaleout_common::wire::{Heartbeat, Kind, LogBatch, Task, Tasks, decode};

use crate::management::Management;
use crate::world::{World, default_queue, next, no_outcomes, pool, session, task, tasks, within};

#[tokio::test]
async fn a_task_arrives_with_its_properties() {
    let world = World::new().await;
    let sent = task();
    let message = Outgoing::task(&pool("default"), &sent).unwrap();
    world.publisher().await.publish(vec![message]).await.unwrap();
    let (_connection, channel) = world.raw().await;
    let (queue, tag) = (default_queue(), "raw");
    let options = BasicConsumeOptions::default();
    let consuming = channel.basic_consume(queue.as_str().into(), tag.into(), options, FieldTable::default());
    let delivery = within(consuming.await.unwrap().next()).await.unwrap().unwrap();
    assert_eq!(decode::<Task>(&delivery.data).unwrap(), sent);
    let properties = &delivery.properties;
    assert_eq!(properties.kind().as_ref().unwrap().as_str(), "task");
    assert_eq!(properties.content_type().as_ref().unwrap().as_str(), "application/vnd.scaleout+bincode");
    assert_eq!(properties.message_id().as_ref().unwrap().as_str().len(), 32);
    assert_eq!(properties.delivery_mode(), &Some(2));
    assert!(properties.timestamp().is_some_and(|seconds| seconds > 1_700_000_000));
    assert!(properties.reply_to().is_none() && properties.expiration().is_none());
    let headers = properties.headers().as_ref().unwrap();
    let trace = headers.inner().get("traceparent").unwrap().as_long_string().unwrap().to_string();
    assert_eq!(trace, sent.execution.traceparent(2));
    world.end().await;
}

#[tokio::test]
async fn a_heartbeat_is_transient_and_expires_with_the_lease() {
    let world = World::new().await;
    let sent = Heartbeat { session: session(), number: 7, running: 1, leaving: false };
    let publisher = world.publisher().await;
    publisher.publish(vec![Outgoing::to_claims(&sent, "my inbox").unwrap()]).await.unwrap();
    publisher.publish(vec![Outgoing::to_claims(&sent, "my inbox").unwrap()]).await.unwrap();
    let (_connection, channel) = world.raw().await;
    let got = channel.basic_get(CLAIMS.into(), BasicGetOptions { no_ack: true }).await.unwrap().unwrap();
    let properties = &got.delivery.properties;
    assert_eq!(properties.delivery_mode(), &Some(1));
    assert_eq!(properties.expiration().as_ref().unwrap().as_str(), "30000");
    // Through our own subscription.
    let mut claims = world.link.consume(CLAIMS, 10).await.unwrap();
    let delivery = next(&mut claims).await;
    assert_eq!(decode::<Heartbeat>(&delivery.body).unwrap(), sent);
    assert_eq!((delivery.kind, delivery.tag), (Some(Kind::Heartbeat), 1));
    assert_eq!((delivery.reply_to.as_deref(), &*delivery.routing_key), (Some("my inbox"), KEY_CLAIM));
    world.end().await;
}

#[tokio::test]
async fn many_windows_are_confirmed_together() {
    let world = World::new().await;
    let publisher = world.publisher().await;
    // Four windows at once, and the same in small parts from many sides.
    let (whole, parts) = (publisher.clone(), publisher.clone());
    let parts = futures_util::future::join_all((0..20).map(|_| {
        let publisher = parts.clone();
        async move { publisher.publish(tasks(10)).await }
    }));
    let (whole, parts) = within(async { tokio::join!(whole.publish(tasks(2_000)), parts) }).await;
    whole.unwrap();
    parts.into_iter().for_each(|part| part.unwrap());
    publisher.publish(Vec::new()).await.unwrap();
    assert_eq!(world.link.depth(&default_queue()).await.unwrap().ready, 2_200);
    world.end().await;
}

#[tokio::test]
async fn a_task_of_an_unknown_pool_waits_among_the_unrouted() {
    let world = World::new().await;
    let sent = task();
    let message = Outgoing::task(&pool("nobody"), &sent).unwrap();
    world.publisher().await.publish(vec![message]).await.unwrap();
    let mut unrouted = world.link.consume(UNROUTED, 10).await.unwrap();
    let delivery = next(&mut unrouted).await;
    assert_eq!(decode::<Task>(&delivery.body).unwrap(), sent);
    let (name, priority) = parse_task_key(&delivery.routing_key).unwrap();
    assert_eq!((name.as_str(), priority), ("nobody", Priority::Normal));
    // As a master does then.
    world.link.declare_pool(&name).await.unwrap();
    let again = Outgoing::rerouted(&name, priority, Kind::Task, delivery.body);
    world.publisher().await.publish(vec![again]).await.unwrap();
    let queue = scaleout_broker::topology::task_queue(&name, priority);
    let mut tasks = world.link.consume(&queue, 10).await.unwrap();
    assert_eq!(decode::<Task>(&next(&mut tasks).await.body).unwrap(), sent);
    world.end().await;
}

#[tokio::test]
async fn several_tasks_travel_together() {
    let world = World::new().await;
    let pool = pool("default");
    world.link.declare_pool(&pool).await.unwrap();
    let Task { execution, attempt, priority } = task();
    let sent = Tasks { tasks: vec![(execution, attempt), (execution, attempt + 1)], priority };
    world.publisher().await.publish(vec![Outgoing::tasks(&pool, &sent).unwrap()]).await.unwrap();
    let queue = scaleout_broker::topology::task_queue(&pool, priority);
    let mut tasks = world.link.consume(&queue, 10).await.unwrap();
    let delivery = next(&mut tasks).await;
    assert_eq!((delivery.kind, decode::<Tasks>(&delivery.body).unwrap()), (Some(Kind::Tasks), sent));
    world.end().await;
}

#[tokio::test]
async fn a_full_queue_refuses_and_the_publisher_lives_on() {
    let world = World::new().await;
    Management::new(&world.vhost.name).shrink(LOGS).await;
    let publisher = world.publisher().await;
    let batch = || Outgoing::to_logs(&LogBatch { session: session(), records: Vec::new() }).unwrap();
    // The bound is approximate, and the policy takes a moment to reach the queue.
    let mut published = 0;
    let refused = loop {
        match within(publisher.publish(vec![batch()])).await {
            Ok(()) => published += 1,
            Err(error) => break error,
        }
        assert!(published < 10_000, "nothing is refused");
    };
    assert!(matches!(refused, PublishError::Refused), "{refused}");
    // What waits there stays, and other queues take what comes.
    let waiting = world.link.depth(LOGS).await.unwrap().ready;
    assert!(waiting > 0 && waiting <= published, "{waiting} of {published}");
    publisher.publish(vec![Outgoing::to_outcomes(&no_outcomes(), "inbox").unwrap()]).await.unwrap();
    // A window with one refused message failed.
    let mut mixed = tasks(3);
    mixed.push(batch());
    assert!(matches!(publisher.publish(mixed).await, Err(PublishError::Refused)));
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_decoded_says_why_and_whence() {
    let world = World::new().await;
    let dead = Outgoing::to_dead(b"nonsense".to_vec(), "it is nonsense", CLAIMS);
    world.publisher().await.publish(vec![dead]).await.unwrap();
    let (_connection, channel) = world.raw().await;
    let got = channel.basic_get(DEAD.into(), BasicGetOptions { no_ack: true }).await.unwrap().unwrap();
    assert_eq!(got.delivery.data, b"nonsense");
    let headers = got.delivery.properties.headers().clone().unwrap();
    let header = |name: &str| headers.inner().get(name).unwrap().as_long_string().unwrap().to_string();
    assert_eq!((&*header("x-scaleout-reason"), &*header("x-scaleout-queue")), ("it is nonsense", CLAIMS));
    world.end().await;
}

#[tokio::test]
async fn a_message_to_a_vanished_inbox_does_no_harm() {
    let world = World::new().await;
    let publisher = world.publisher().await;
    publisher.publish(vec![Outgoing::to_inbox("amq.gen-gone", &no_outcomes()).unwrap()]).await.unwrap();
    publisher.publish(tasks(1)).await.unwrap();
    // A task that no exchange takes would be returned; the alternate exchange takes all, so its queue has to go.
    Management::new(&world.vhost.name).delete_queue(UNROUTED).await;
    let lost = Outgoing::task(&pool("nobody"), &task()).unwrap();
    let returned = publisher.publish(vec![lost]).await;
    assert!(matches!(returned, Err(PublishError::Returned(_))), "{returned:?}");
    publisher.publish(tasks(1)).await.unwrap();
    world.end().await;
}
