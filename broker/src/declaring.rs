//! Declaring what is ours, whatever else happens to it meanwhile.

use std::time::Duration;

use lapin::Channel;
use scaleout_common::names::PoolName;

use crate::link::{answered, close};
use crate::topology::{self, Queues};
use crate::{BrokerError, Link};

/// So often in a row somebody may delete what is being declared.
const ATTEMPTS: u32 = 6;

/// Before another attempt; each waits longer. To delete a queue takes the broker some milliseconds.
const PAUSE: Duration = Duration::from_millis(50);

/// What is declared together.
#[derive(Clone, Copy)]
enum Declared<'a> {
    /// All that every link needs.
    Topology,
    Pool(&'a PoolName),
}

impl Declared<'_> {
    async fn on(self, channel: &Channel, queues: Queues) -> Result<(), BrokerError> {
        match self {
            Self::Topology => {
                topology::declare(channel, queues).await?;
                topology::declare_pool(channel, queues, &PoolName::default()).await
            }
            Self::Pool(pool) => topology::declare_pool(channel, queues, pool).await,
        }
    }
}

impl Link {
    /// Declares all that every link needs, the queues of the default pool included; what is there stays.
    pub async fn declare_topology(&self) -> Result<(), BrokerError> {
        answered("declare the exchanges and queues", self.declare(Declared::Topology)).await
    }

    /// Declares the queues of a pool.
    pub async fn declare_pool(&self, pool: &PoolName) -> Result<(), BrokerError> {
        answered(format!("declare the queues of pool {pool}"), self.declare(Declared::Pool(pool))).await
    }

    /// What somebody has deleted or unbound of all that every link needs comes back. To be called again and again.
    pub async fn restore_topology(&self) -> Result<(), BrokerError> {
        let binding = async {
            let channel = self.consuming_channel().await?;
            // Queues are not declared on a connection that carries more.
            Declared::Topology.on(&channel, Queues::Expected).await?;
            close(&channel).await;
            Ok(())
        };
        match answered("bind the queues", binding).await {
            Err(error) if error.is_absence() => {
                tracing::warn!(%error, "something was deleted at the broker, and is declared again");
                self.declare_topology().await
            }
            bound => bound,
        }
    }

    /// On a connection of its own, and again when somebody deletes what is being declared, as the leader does when it
    /// replaces a queue. RabbitMQ says then that there is no such queue, or fails and ends the connection.
    async fn declare(&self, declared: Declared<'_>) -> Result<(), BrokerError> {
        let mut attempt = 1;
        loop {
            match Box::pin(self.declare_beside(declared)).await {
                Err(error) if (error.is_absence() || error.is_internal()) && attempt < ATTEMPTS => {
                    tracing::debug!(%error, attempt, "queues were not declared, and are once more");
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn declare_beside(&self, declared: Declared<'_>) -> Result<(), BrokerError> {
        let connection = self.beside("declaring queues").await?;
        let channel = connection.create_channel().await.map_err(BrokerError::operation("open a channel"))?;
        declared.on(&channel, Queues::Declared).await
    }
}
