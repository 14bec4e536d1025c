//! Declaring what is ours, whatever else happens to it meanwhile.

use std::time::Duration;

use lapin::Channel;
use scaleout_common::names::PoolName;
use scaleout_common::settings::Rabbitmq;

use crate::connect::connect;
use crate::connection::Connection;
use crate::link::{answered, close};
use crate::topology::{self, Queues};
use crate::{BrokerError, Link, jitter};

/// So often in a row what is being declared may be deleted meanwhile, or the broker fail itself.
const ATTEMPTS: u32 = 6;

/// Before another attempt, more or less; each waits longer. To delete a queue takes the broker some milliseconds.
const PAUSE: Duration = Duration::from_millis(50);

/// What is declared together.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// All that every link needs, the queues of the default pool included.
    Topology,
    Pool(&'a PoolName),
}

impl Scope<'_> {
    async fn on(self, channel: &Channel, queues: Queues) -> Result<(), BrokerError> {
        match self {
            Self::Topology => {
                topology::declare(channel, queues).await?;
                topology::declare_pool(channel, queues, &PoolName::default()).await
            }
            Self::Pool(pool) => topology::declare_pool(channel, queues, pool).await,
        }
    }

    fn purpose(self) -> String {
        match self {
            Self::Topology => "declare the exchanges and queues".to_owned(),
            Self::Pool(pool) => format!("declare the queues of pool {pool}"),
        }
    }
}

impl Link {
    /// Declares all that every link needs, the queues of the default pool included; what is there stays.
    ///
    /// # Errors
    /// Also that a queue is there with other arguments.
    pub async fn declare_topology(&self) -> Result<(), BrokerError> {
        self.declare_beside(Scope::Topology).await
    }

    /// What somebody has deleted or unbound of all that every link needs comes back. To be called again and again: what is
    /// there costs little, and its arguments are not looked at.
    pub async fn restore_topology(&self) -> Result<(), BrokerError> {
        if self.restore(Scope::Topology).await? {
            tracing::warn!("something of ours was deleted at the broker, and is declared again");
        }
        Ok(())
    }

    /// Declares the queues of a pool, the first time over this link; after that it restores them.
    ///
    /// # Errors
    /// The first time also that one is there with other arguments.
    pub async fn declare_pool(&self, pool: &PoolName) -> Result<(), BrokerError> {
        if self.has_declared(pool) {
            return self.restore(Scope::Pool(pool)).await.map(|_| ());
        }
        self.declare_beside(Scope::Pool(pool)).await?;
        self.note_declared(pool);
        Ok(())
    }

    /// Binds what must be there, and declares it if it is not. Whether something was missing.
    async fn restore(&self, scope: Scope<'_>) -> Result<bool, BrokerError> {
        let binding = async {
            let channel = self.consuming_channel().await?;
            scope.on(&channel, Queues::Expected).await?;
            close(&channel).await;
            Ok(())
        };
        match answered(scope.purpose(), binding).await {
            Err(error) if error.is_absence() => {
                tracing::debug!(%error, "something is missing at the broker");
                self.declare_beside(scope).await.map(|()| true)
            }
            bound => bound.map(|()| false),
        }
    }

    /// On a connection of its own: where queues are declared, it may end.
    async fn declare_beside(&self, scope: Scope<'_>) -> Result<(), BrokerError> {
        let (settings, name) = self.opened_as();
        Box::pin(declared_on(settings, &format!("{name} declaring queues"), scope)).await.map(|_| ())
    }
}

/// A connection over which all of that was declared: again when somebody deletes some of it meanwhile, as the leader does
/// when it replaces a queue. RabbitMQ says then that there is no such queue, or fails and ends the connection.
pub(crate) async fn declared_on(
    settings: &Rabbitmq,
    name: &str,
    scope: Scope<'_>,
) -> Result<Connection, BrokerError> {
    let mut attempt = 1;
    loop {
        let connection = connect(settings, name).await?;
        let declaring = async {
            let channel =
                connection.create_channel().await.map_err(BrokerError::operation("open a channel"))?;
            scope.on(&channel, Queues::Declared).await?;
            close(&channel).await;
            Ok(())
        };
        match answered(scope.purpose(), declaring).await {
            Ok(()) => return Ok(connection),
            Err(error) if (error.is_absence() || error.is_internal()) && attempt < ATTEMPTS => {
                drop(connection);
                tracing::debug!(%error, attempt, "queues were not declared, and are once more");
                tokio::time::sleep(PAUSE.mul_f64(f64::from(attempt) * (0.5 + jitter()))).await;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
