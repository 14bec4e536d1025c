//! The sentinel: a queue whose absence says that the broker has lost what it held. Looking never makes it. Beside it,
//! what else is done with queues by their names: removing those of a pool that has served.

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use scaleout_common::names::PoolName;
use scaleout_common::priority::Priority;

use crate::link::{answered, close};
use crate::topology::Sentinel;
use crate::{BrokerError, Link, QueueDepth, topology};

impl Link {
    /// Whether the sentinel is there. `false` is the broker's own word that there is no such queue; any
    /// other refusal, and silence, is an error and no answer.
    pub async fn has_sentinel(&self, sentinel: Sentinel) -> Result<bool, BrokerError> {
        Ok(self.find_queue(&sentinel.queue()).await?.is_some())
    }

    /// Removes the queues of a pool that nobody serves, with whatever lies in them. `false`: somebody consumes one of
    /// them, and that one stays. One that is not there is gone. (Quorum queues know no `if-unused`: it is looked first.)
    pub async fn remove_pool(&self, pool: &PoolName) -> Result<bool, BrokerError> {
        let mut gone = true;
        for queue in Priority::ALL.map(|priority| topology::task_queue(pool, priority)) {
            match self.find_queue(&queue).await? {
                Some(depth) if depth.consumers > 0 => gone = false,
                Some(_) => self.remove_queue(&queue).await?,
                None => {}
            }
        }
        Ok(gone)
    }

    /// How a queue stands; `None` is the broker's own word that there is no such queue.
    async fn find_queue(&self, queue: &str) -> Result<Option<QueueDepth>, BrokerError> {
        let look = format!("look for the queue {queue}");
        let looking = async {
            // A channel of its own: a 404 closes it.
            let channel = self.consuming_channel().await?;
            let options = QueueDeclareOptions { passive: true, ..Default::default() };
            match channel.queue_declare(queue.into(), options, FieldTable::default()).await {
                Ok(found) => {
                    close(&channel).await;
                    let (ready, consumers) = (found.message_count(), found.consumer_count());
                    Ok(Some(QueueDepth { ready, consumers }))
                }
                Err(error) => match BrokerError::operation(look.clone())(error) {
                    error if error.is_absence() => Ok(None),
                    error => Err(error),
                },
            }
        };
        answered(look.clone(), looking).await
    }

    /// Declares the sentinel; one that is there stays.
    pub async fn declare_sentinel(&self, sentinel: Sentinel) -> Result<(), BrokerError> {
        let declaring = async {
            let channel = self.consuming_channel().await?;
            topology::declare_sentinel(&channel, sentinel).await?;
            close(&channel).await;
            Ok(())
        };
        answered("declare the sentinel queue", declaring).await
    }

    /// Removes a sentinel that stands for nothing; one that is not there is no error.
    pub async fn remove_sentinel(&self, sentinel: Sentinel) -> Result<(), BrokerError> {
        self.remove_queue(&sentinel.queue()).await
    }

    pub(crate) async fn remove_queue(&self, queue: &str) -> Result<(), BrokerError> {
        let remove = format!("remove the queue {queue}");
        let removing = async {
            let channel = self.consuming_channel().await?;
            let deleting = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
            deleting.await.map_err(BrokerError::operation(remove.clone()))?;
            close(&channel).await;
            Ok(())
        };
        answered(remove.clone(), removing).await
    }
}
