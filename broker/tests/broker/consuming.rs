//! Consuming: what is acknowledged is gone, what is not comes again, and a deaf consumer says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use scaleout_broker::topology::OUTCOMES;
use scaleout_broker::{BrokerError, Link, Outgoing, Subscription};
use scaleout_common::wire::{Kind, Stops, decode};

use crate::management::Management;
use crate::world::{World, default_queue, ending, next, session, tasks, within};

#[tokio::test]
async fn a_prefix_is_acknowledged_and_the_rest_comes_again() {
    let world = World::new().await;
    let queue = default_queue();
    world.publisher().await.publish(tasks(10)).await.unwrap();
    let mut first = world.link.consume(&queue, 100).await.unwrap();
    assert_eq!(first.queue(), queue);
    let mut bodies = Vec::new();
    for tag in 1..=10 {
        let delivery = next(&mut first).await;
        assert_eq!(delivery.tag, tag);
        bodies.push(delivery.body);
    }
    let acker = first.acker();
    acker.ack_through(4).await.unwrap();
    acker.ack(6).await.unwrap();
    acker.round_trip().await.unwrap();
    first.close().await;

    let mut second = world.link.consume(&queue, 100).await.unwrap();
    let mut returned = Vec::new();
    for _ in 0..5 {
        let delivery = next(&mut second).await;
        returned.push(delivery.body);
    }
    let expected: Vec<_> = [5, 7, 8, 9, 10].map(|tag: usize| bodies[tag - 1].clone()).into();
    returned.sort();
    let mut sorted = expected;
    sorted.sort();
    assert_eq!(returned, sorted);
    second.acker().ack_through(5).await.unwrap();
    second.acker().round_trip().await.unwrap();
    second.close().await;
    assert_eq!(world.link.depth(&queue).await.unwrap().ready, 0);
    world.end().await;
}

#[tokio::test]
async fn prefetch_bounds_what_is_held_and_a_requeue_gives_back() {
    let world = World::new().await;
    let queue = default_queue();
    world.publisher().await.publish(tasks(10)).await.unwrap();
    let mut held = world.link.consume(&queue, 3).await.unwrap();
    for _ in 0..3 {
        next(&mut held).await;
    }
    assert_eq!(world.link.depth(&queue).await.unwrap().ready, 7);
    // Nothing more comes until one goes back; then the next one does.
    held.acker().requeue(2).await.unwrap();
    let delivery = next(&mut held).await;
    assert_eq!(delivery.tag, 4);
    world.end().await;
}

#[tokio::test]
async fn a_batch_is_what_has_arrived() {
    let world = World::new().await;
    let queue = default_queue();
    world.publisher().await.publish(tasks(50)).await.unwrap();
    let mut subscription = world.link.consume(&queue, 50).await.unwrap();
    let mut tags = Vec::new();
    while tags.len() < 50 {
        let batch = within(subscription.next_batch(20)).await.unwrap();
        assert!((1..=20).contains(&batch.len()));
        tags.extend(batch.iter().map(|delivery| delivery.tag));
    }
    assert!(tags.is_sorted() && tags.len() == 50);
    world.end().await;
}

#[tokio::test]
async fn a_consumer_that_the_broker_cancels_says_so() {
    let world = World::new().await;
    let queue = default_queue();
    let mut subscription = world.link.consume(&queue, 10).await.unwrap();
    Management::new(&world.vhost.name).delete_queue(&queue).await;
    let error = ending(&mut subscription).await;
    assert!(matches!(&error, BrokerError::Canceled { queue: of } if *of == queue), "{error}");
    world.end().await;
}

#[tokio::test]
async fn an_inbox_gets_answers() {
    let world = World::new().await;
    let (name, mut inbox) = world.link.inbox().await.unwrap();
    let (other, _other) = world.link.inbox().await.unwrap();
    assert_ne!(name, other);
    // From another connection, as a master answers.
    let master = World::on(world.vhost.clone()).await;
    let sent = Stops { session: session(), stops: Vec::new() };
    let publisher = master.publisher().await;
    publisher.publish_and_forget(Outgoing::to_inbox(&name, &sent).unwrap()).unwrap();
    let delivery = next(&mut inbox).await;
    assert_eq!(delivery.kind, Some(Kind::Stops));
    assert_eq!(decode::<Stops>(&delivery.body).unwrap(), sent);
    master.end().await;
    world.end().await;
}

/// Consumes outcomes until it is given up; counts how often it has come so far that they are served.
async fn consume_outcomes(link: Link, served: Arc<AtomicU64>) {
    let serve = |mut subscription: Subscription| {
        served.fetch_add(1, Ordering::Relaxed);
        async move {
            loop {
                subscription.next().await?;
            }
        }
    };
    link.consume_apart(OUTCOMES, 1, serve, || {}).await.unwrap();
}

/// A consumer that nobody serves would hold what it is given for as long as its connection lives.
#[tokio::test(flavor = "multi_thread")]
async fn consuming_that_is_given_up_at_any_moment_leaves_no_consumer() {
    let world = World::new().await;
    let served = Arc::new(AtomicU64::new(0));
    let (mut takes, mut rounds_without) = (Duration::ZERO, 0);
    for round in 0..=120 {
        let before = served.load(Ordering::Relaxed);
        let consuming = tokio::spawn(consume_outcomes(world.link.clone(), served.clone()));
        if round == 0 {
            // How long it takes, undisturbed.
            let began = Instant::now();
            within(async {
                while served.load(Ordering::Relaxed) == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
            .await;
            takes = began.elapsed();
        } else {
            // Timers of tokio know only whole milliseconds.
            std::thread::sleep(takes.mul_f64(f64::from(round) / 100.0));
        }
        consuming.abort();
        assert!(consuming.await.unwrap_err().is_cancelled());
        rounds_without += u64::from(served.load(Ordering::Relaxed) == before);
    }
    assert!(
        rounds_without > 0 && served.load(Ordering::Relaxed) > 1,
        "always before it was served, or always after"
    );
    let management = Management::new(&world.vhost.name);
    within(async {
        while world.link.depth(OUTCOMES).await.unwrap().consumers > 0
            || management.connections_named("consuming scaleout.outcomes").await > 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    world.end().await;
}
