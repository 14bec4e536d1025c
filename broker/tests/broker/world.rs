//! What every test starts from: a virtual host of its own and a link to it.

use std::time::Duration;

use lapin::{Channel, Connection, ConnectionProperties};
use scaleout_broker::{BrokerError, Delivery, Link, Outgoing, Publisher, Subscription, supervise};
use scaleout_common::ids::{ExecutionId, SessionId, WorkerId};
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;
use scaleout_common::settings::Rabbitmq;
use scaleout_common::wire::{Outcomes, Task};
use scaleout_local::testing::{TestVhost, vhost};
use secrecy::SecretString;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) vhost: TestVhost,
    pub(crate) link: Link,
    pub(crate) stop: CancellationToken,
    supervisor: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(vhost().await).await
    }

    /// Links are given out by the supervisor only: this one is kept until the test's end.
    pub(crate) async fn on(vhost: TestVhost) -> Self {
        let (settings, stop) = (settings(&vhost.amqp_url), CancellationToken::new());
        let (sender, link) = oneshot::channel();
        let stopped = stop.clone();
        let supervisor = tokio::spawn(async move {
            let mut sender = Some(sender);
            let inner = stopped.clone();
            let serve = |link: Link| {
                if let Some(sender) = sender.take() {
                    sender.send(link).ok().unwrap();
                }
                let stopped = inner.clone();
                async move {
                    stopped.cancelled().await;
                    Ok(())
                }
            };
            supervise(&settings, "test", &stopped, serve, |_| {}).await;
        });
        let link = within(link).await.unwrap();
        Self { vhost, link, stop, supervisor }
    }

    pub(crate) async fn publisher(&self) -> Publisher {
        self.link.publisher(2).await.unwrap()
    }

    /// A channel past our own crate, to see what it does not show.
    pub(crate) async fn raw(&self) -> (Connection, Channel) {
        let connection =
            Connection::connect(&self.vhost.amqp_url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        (connection, channel)
    }

    /// Stops in order.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        drop(self.link);
        within(self.supervisor).await.unwrap();
    }
}

pub(crate) fn settings(url: &str) -> Rabbitmq {
    Rabbitmq {
        url: SecretString::from(url.to_owned()),
        ca_file: Default::default(),
        certificate_file: Default::default(),
        key_file: Default::default(),
        heartbeat_s: 10,
        window: 500,
    }
}

/// What `doing` gives; a test that waits for ever says nothing.
pub(crate) async fn within<F: Future>(doing: F) -> F::Output {
    tokio::time::timeout(PATIENCE, doing).await.expect("it took too long")
}

pub(crate) async fn next(subscription: &mut Subscription) -> Delivery {
    within(subscription.next()).await.unwrap()
}

/// The error that ends a subscription.
pub(crate) async fn ending(subscription: &mut Subscription) -> BrokerError {
    within(subscription.next()).await.map(|delivery| panic!("a delivery: {delivery:?}")).unwrap_err()
}

pub(crate) fn pool(name: &str) -> PoolName {
    PoolName::new(name).unwrap()
}

pub(crate) fn task() -> Task {
    Task { execution: ExecutionId(Uuid::now_v7()), attempt: 2, priority: Priority::Normal }
}

/// `count` tasks for the pool `default`.
pub(crate) fn tasks(count: usize) -> Vec<Outgoing> {
    (0..count).map(|_| Outgoing::task(&PoolName::default(), &task()).unwrap()).collect()
}

pub(crate) fn session() -> SessionId {
    SessionId { worker: WorkerId(Uuid::new_v4()), counter: 3 }
}

pub(crate) fn no_outcomes() -> Outcomes {
    Outcomes { session: session(), outcomes: Vec::new() }
}

/// The queue of the default pool's normal priority.
pub(crate) fn default_queue() -> String {
    scaleout_broker::topology::task_queue(&PoolName::default(), Priority::Normal)
}
