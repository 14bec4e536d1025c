//! Queues that are served are left as they are, whoever looks. (One that is not: `broken_queues` of the end-to-end tests.)

use futures_util::FutureExt as _;
use scaleout_broker::topology::{LOGS, OUTCOMES};
use scaleout_broker::{BrokerError, OwnQueue, Trials, is_broken, replace};
use scaleout_common::priority::Priority;

use crate::management::Management;
use crate::world::{World, default_queue, settings, tasks};

#[tokio::test]
async fn a_queue_that_is_served_is_not_broken_and_keeps_what_it_holds() {
    let world = World::new().await;
    world.publisher().await.publish(tasks(3)).await.unwrap();
    let queue = OwnQueue::Tasks(Default::default(), Priority::Normal);
    assert_eq!(queue.name(), default_queue());
    let settings = settings(&world.vhost.amqp_url);
    for _ in 0..2 {
        assert!(!is_broken(&settings, "test", &queue).await.unwrap());
    }
    // Nor one that holds nothing and that nobody consumes.
    let idle = OwnQueue::Tasks(Default::default(), Priority::Low);
    let mut trials = Trials::default();
    for queue in [&queue, &idle] {
        let refused = replace(&settings, "test", &mut trials, queue).await.unwrap_err();
        assert!(refused.to_string().contains("it is served again"), "{refused}");
    }
    assert_eq!(world.link.depth(&default_queue()).await.unwrap().ready, 3);
    let left = Management::new(&world.vhost.name).queues().await;
    assert!(!left.iter().any(|name| name.contains("trial")), "what was tried is left: {left:?}");
    // Nor is one that is not there, of which the broker says something else.
    let nobodys = OwnQueue::Tasks("nobodys".parse().unwrap(), Priority::High);
    let error = is_broken(&settings, "test", &nobodys).await.unwrap_err();
    assert!(!error.is_internal(), "{error}");
    world.end().await;
}

#[tokio::test]
async fn a_consumer_is_forgotten_where_there_is_none() {
    let world = World::new().await;
    let _outcomes = world.link.consume(OUTCOMES, 1).await.unwrap();
    let (known, unknown) = ([OUTCOMES.to_owned()], [OUTCOMES.to_owned(), LOGS.to_owned()]);
    let mut stays = Box::pin(world.link.forgotten(&known));
    let found = tokio::select! {
        error = &mut stays => panic!("{error}"),
        error = world.link.forgotten(&unknown) => error,
    };
    assert!(matches!(&found, BrokerError::Forgotten { queue } if queue == LOGS), "{found}");
    assert!(stays.now_or_never().is_none());
    assert!(world.link.failed().now_or_never().is_none(), "the look has cost the link");
    world.end().await;
}
