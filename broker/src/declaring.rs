//! Declaring what is ours, whatever else happens to it meanwhile.

use lapin::Channel;
use scaleout_common::names::PoolName;

use crate::link::{answered, close};
use crate::{BrokerError, Link, topology};

/// So often in a row somebody may delete, between its declaration and its binding, what is being declared.
const ATTEMPTS: u32 = 5;

impl Link {
    /// Declares again all that every link needs, the queues of the default pool included: what somebody has deleted
    /// or unbound comes back, what is there stays.
    pub async fn declare_topology(&self) -> Result<(), BrokerError> {
        let all = async |channel: &Channel| {
            topology::declare(channel).await?;
            topology::declare_pool(channel, &PoolName::default()).await
        };
        answered("declare the exchanges and queues", self.declare(all)).await
    }

    /// Declares the queues of a pool.
    pub async fn declare_pool(&self, pool: &PoolName) -> Result<(), BrokerError> {
        let queues = async |channel: &Channel| topology::declare_pool(channel, pool).await;
        answered(format!("declare the queues of pool {pool}"), self.declare(queues)).await
    }

    /// Declares on a channel of its own, and once more what was deleted meanwhile, as by the leader that replaces a
    /// queue: that is no fault of the link, which carries more.
    async fn declare(
        &self,
        declaration: impl AsyncFn(&Channel) -> Result<(), BrokerError>,
    ) -> Result<(), BrokerError> {
        let mut attempt = 1;
        loop {
            // What is not there ends the channel.
            let channel = self.consuming_channel().await?;
            match declaration(&channel).await {
                Err(error) if error.is_absence() && attempt < ATTEMPTS => {
                    tracing::debug!(%error, "what was being declared was deleted, and is declared once more");
                    attempt += 1;
                }
                declared => {
                    declared?;
                    close(&channel).await;
                    return Ok(());
                }
            }
        }
    }
}
