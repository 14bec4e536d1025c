//! Enqueueing for workers that are chosen one by one: who is meant, and the pool that stands for them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use deadpool_postgres::Transaction;
use scaleout_common::api::{EnqueueRequest, WorkerState, WorkerSummary};
use scaleout_common::ids::WorkerId;
use scaleout_common::names::PoolName;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::listing::WorkerReference;
use super::{RequestError, sql};
use crate::catalog::{Catalog, CatalogError, rows};

/// Workers that one request may choose.
pub const CHOSEN_MAX: usize = 100;

/// Sets of workers that may be open at the same time: each has three queues.
const OPEN_MAX: u64 = 500;

/// Of these, how many may have one worker in common: with its pools, it consumes no more queues than it can number.
const OPEN_OF_ONE_MAX: u64 = 100;

/// Workers that were chosen, each once, in the order of their ids.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    workers: Vec<WorkerSummary>,
}

impl Chosen {
    /// The pool that stands for them: the same workers, the same pool.
    pub(crate) fn pool(&self) -> PoolName {
        let mut hasher = Sha256::new();
        self.workers.iter().for_each(|worker| hasher.update(worker.id.0.as_bytes()));
        let hash: [u8; 32] = hasher.finalize().into();
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash[..16]);
        PoolName::ad_hoc(digest)
    }

    /// What may keep executions waiting that are enqueued for them now.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.workers.iter().filter_map(warning).collect()
    }

    fn ids(&self) -> Vec<Uuid> {
        self.workers.iter().map(|worker| worker.id.0).collect()
    }
}

fn warning(worker: &WorkerSummary) -> Option<String> {
    let name = &worker.name;
    let is = match (worker.state, worker.enabled) {
        (WorkerState::Online, _) => return None,
        (WorkerState::Offline, true) => "is offline: it takes what waits for it when it is back",
        (WorkerState::Offline, false) => {
            "is offline and disabled: it takes what waits for it when it is back and enabled"
        }
        (WorkerState::Disabled, _) => "is disabled: it takes what waits for it when it is enabled",
        (WorkerState::Draining, _) => "is draining: it takes what waits for it when it is started again",
    };
    Some(format!("worker {name} {is}"))
}

impl Catalog {
    /// Whom the request chooses; `None`: nobody, any worker of its pool will do.
    ///
    /// # Errors
    /// `NotFound` (a worker), `Conflict` (several have that name; too many sets), `Invalid`.
    pub(crate) async fn chosen_workers(
        &self,
        request: &EnqueueRequest,
    ) -> Result<Option<Chosen>, RequestError> {
        request.pool.check_given().map_err(|error| RequestError::invalid(error.to_string()))?;
        if request.workers.is_empty() {
            return Ok(None);
        }
        if request.pool != PoolName::default() {
            let message = format!("the request names both workers and the pool {}: choose one", request.pool);
            return Err(RequestError::invalid(message));
        }
        if request.workers.len() > CHOSEN_MAX {
            let found = request.workers.len();
            let message =
                format!("a request may choose {CHOSEN_MAX} workers, found {found}: give them a pool");
            return Err(RequestError::invalid(message));
        }
        let mut workers = Vec::with_capacity(request.workers.len());
        for name in &request.workers {
            workers.push(self.worker(&WorkerReference::from(name.as_str())).await?);
        }
        workers.sort_by_key(|worker| worker.id);
        workers.dedup_by_key(|worker| worker.id);
        let chosen = Chosen { workers };
        self.check_room(&[&chosen]).await?;
        Ok(Some(chosen))
    }

    /// Those of `pools` that stand for chosen workers, and whom: what ran for them is to run for them again.
    ///
    /// # Errors
    /// `Conflict`: nobody knows any more who they were, or there are too many sets.
    pub(crate) async fn chosen_again(
        &self,
        pools: BTreeSet<&PoolName>,
    ) -> Result<BTreeMap<PoolName, Chosen>, RequestError> {
        let pools: Vec<&PoolName> = pools.into_iter().filter(|pool| pool.is_ad_hoc()).collect();
        if pools.is_empty() {
            return Ok(BTreeMap::new());
        }
        if pools.len() as u64 > OPEN_OF_ONE_MAX {
            let message = format!(
                "these executions were for {} different sets of workers ({OPEN_OF_ONE_MAX} at most): retry fewer at once",
                pools.len()
            );
            return Err(RequestError::invalid(message));
        }
        let known = self.all_workers().await?;
        let mut sets = BTreeMap::new();
        for pool in pools {
            let members: HashSet<WorkerId> =
                self.pool_members(pool).await?.into_iter().map(|(id, _)| id).collect();
            let mut workers = known.clone();
            workers.retain(|worker| members.contains(&worker.id));
            workers.sort_by_key(|worker| worker.id);
            let chosen = Chosen { workers };
            if chosen.pool() != *pool {
                return Err(RequestError::Conflict {
                    message: format!(
                        "which workers executions of {pool} were enqueued for is not known any more"
                    ),
                    hint: "enqueue anew, with `--worker` or for a pool".to_owned(),
                });
            }
            sets.insert(pool.clone(), chosen);
        }
        self.check_room(&sets.values().collect::<Vec<_>>()).await?;
        Ok(sets)
    }

    /// Names of the workers of an ad hoc pool, open or closed; none of another one.
    pub(crate) async fn pool_members(
        &self,
        pool: &PoolName,
    ) -> Result<Vec<(WorkerId, String)>, CatalogError> {
        if !pool.is_ad_hoc() {
            return Ok(Vec::new());
        }
        let client = self.request().await?;
        let select = client.prepare_cached(sql::SELECT_POOL_MEMBERS).await?;
        let found = client.query(&select, &[&pool.as_str()]).await?;
        Ok(found.iter().map(|row| (WorkerId(row.get("id")), row.get("name"))).collect())
    }

    /// Whether all of these may be open at the same time, beside what is open.
    async fn check_room(&self, sets: &[&Chosen]) -> Result<(), RequestError> {
        let client = self.request().await?;
        let names: Vec<String> = sets.iter().map(|chosen| chosen.pool().to_string()).collect();
        let ids: Vec<Uuid> = sets.iter().flat_map(|chosen| chosen.ids()).collect();
        let row = client.query_one(sql::COUNT_AD_HOC_POOLS, &[&names, &ids]).await?;
        let (open, of_one) = (rows::number_out(row.get("open"))?, rows::number_out(row.get("of_one"))?);
        let wanted = sets.len() as u64;
        if open + wanted <= OPEN_MAX && of_one + wanted <= OPEN_OF_ONE_MAX {
            return Ok(());
        }
        Err(RequestError::Conflict {
            message: format!(
                "executions wait for {open} different sets of workers ({OPEN_MAX} at most), and one of these workers \
                 is in {of_one} of them ({OPEN_OF_ONE_MAX} at most)"
            ),
            hint: "enqueue for a pool: `scaleout worker set NAME --pool P` puts a worker into one".to_owned(),
        })
    }
}

/// Opens the pools of `sets` in the transaction that enqueues for them; gives who did not serve them before. To be
/// called late: others that enqueue for the same workers wait until its end. All sets are locked before any worker, and
/// both in order, so that nobody waits for each other.
pub(crate) async fn open<'a>(
    transaction: &Transaction<'_>,
    sets: impl Iterator<Item = &'a Chosen>,
) -> Result<Vec<WorkerId>, RequestError> {
    let sets: BTreeMap<String, &Chosen> = sets.map(|chosen| (chosen.pool().to_string(), chosen)).collect();
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    for (pool, chosen) in &sets {
        transaction.execute(sql::OPEN_AD_HOC_POOL, &[pool, &chosen.ids()]).await?;
    }
    let names: Vec<&String> = sets.keys().collect();
    let joined = transaction.query(sql::JOIN_AD_HOC_POOLS, &[&names]).await?;
    Ok(joined.iter().map(|row| WorkerId(row.get("id"))).collect())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn worker(id: u128, state: WorkerState, enabled: bool) -> WorkerSummary {
        WorkerSummary {
            id: WorkerId(Uuid::from_u128(id)),
            name: format!("w{id}"),
            host: String::new(),
            state,
            enabled,
            capacity: 1,
            running: 0,
            pools: Vec::new(),
            description: String::new(),
            tags: Vec::new(),
            version: String::new(),
            user: String::new(),
            session: None,
            lease_until: None,
            last_online_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn chosen(ids: &[u128]) -> Chosen {
        Chosen { workers: ids.iter().map(|id| worker(*id, WorkerState::Online, true)).collect() }
    }

    #[test]
    fn a_set_of_workers_is_a_pool_of_its_own() {
        let pools: Vec<PoolName> =
            [&[1][..], &[2], &[1, 2], &[1, 2, 3]].map(|ids| chosen(ids).pool()).to_vec();
        for (index, pool) in pools.iter().enumerate() {
            assert!(pool.is_ad_hoc() && !pools[..index].contains(pool), "{pools:?}");
        }
        assert_eq!(chosen(&[1, 2]).pool(), pools[2]);
        // Kept in the catalog and in names of queues: it may never become another one.
        assert_eq!(pools[2].as_str(), "_workers-78d68721debb423cf880232869a63e25");
    }

    #[test]
    fn what_may_keep_them_waiting_is_told() {
        use WorkerState::{Disabled, Draining, Offline, Online};
        let workers = vec![
            worker(1, Online, true),
            worker(2, Offline, true),
            worker(3, Offline, false),
            worker(4, Disabled, false),
            worker(5, Draining, true),
        ];
        let warnings = Chosen { workers }.warnings();
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        assert!(warnings[0].starts_with("worker w2 is offline:"), "{warnings:?}");
        assert!(warnings[1].starts_with("worker w3 is offline and disabled:"), "{warnings:?}");
    }
}
