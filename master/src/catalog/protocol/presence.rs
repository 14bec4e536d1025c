//! A master's presence: its row, its advisory lock, its proof that it reaches both sides.

use jiff::Timestamp;
use scaleout_common::ids::MasterId;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::sql;
use crate::catalog::{Catalog, CatalogError};

/// The key of the leader's lock.
const LEADER_KEY: i32 = 0;

/// A connection of its own that holds the master's lock, and the leader's if it leads. When it closes, others see
/// this master as dead.
pub(crate) struct Presence {
    master: MasterId,
    client: Client,
    driver: JoinHandle<()>,
    pub(crate) leader: bool,
}

/// What a master has shown. Times are the database's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) consuming_since: Option<Timestamp>,
    pub(crate) proved_at: Option<Timestamp>,
}

impl Catalog {
    /// Registers the master and takes its lock; `None` while another connection, one of ours that the server has
    /// not given up yet, still holds it.
    pub(crate) async fn appear(
        &self,
        master: MasterId,
        host: &str,
        address: &str,
        version: &str,
    ) -> Result<Option<Presence>, CatalogError> {
        let (client, driver) = self.single().await?;
        let row = client.query_one(sql::REGISTER_MASTER, &[&master.0, &host, &address, &version]).await?;
        let lock_key: i32 = row.get("lock_key");
        let locked: bool = client.query_one(sql::LOCK_MASTER, &[&lock_key]).await?.get(0);
        Ok(locked.then_some(Presence { master, client, driver, leader: false }))
    }
}

impl Presence {
    /// Takes the leader's lock if nobody holds it.
    pub(crate) async fn try_lead(&mut self) -> Result<(), CatalogError> {
        if !self.leader {
            self.leader = self.client.query_one(sql::LOCK_MASTER, &[&LEADER_KEY]).await?.get(0);
        }
        Ok(())
    }

    /// The database's time.
    pub(crate) async fn now(&self) -> Result<Timestamp, CatalogError> {
        Ok(self.client.query_one("select clock_timestamp()", &[]).await?.get(0))
    }

    /// Writes what this master has shown. `false`: its row is gone, another master took it for dead.
    pub(crate) async fn prove(&self, proof: Proof) -> Result<bool, CatalogError> {
        let updated = self
            .client
            .execute(
                sql::PROVE_MASTER,
                &[&self.master.0, &proof.consuming_since, &proof.proved_at, &self.leader],
            )
            .await?;
        Ok(updated == 1)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
