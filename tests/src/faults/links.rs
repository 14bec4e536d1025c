//! A proxy for each connection that can be harmed: every process reaches every server and every master through proxies of
//! its own. Owns the proxies.

use std::time::Duration;

use super::fault::{Harm, Link};
use super::schedule::{MASTERS, WORKERS};
use crate::harness::{Direction, Proxy, Weather};

const DELAY_FIXED: Duration = Duration::from_millis(100);
const DELAY_JITTER: Duration = Duration::from_millis(300);

/// All of them.
#[derive(Debug)]
pub struct Links {
    master_broker: Vec<Proxy>,
    master_catalog: Vec<Proxy>,
    worker_broker: Vec<Proxy>,
    /// By worker, then by master.
    worker_masters: Vec<Vec<Proxy>>,
    broker_url: String,
    catalog_url: String,
    master_urls: Vec<String>,
}

impl Links {
    /// In front of these.
    pub async fn start(broker_url: &str, catalog_url: &str, master_urls: &[String], seed: u64) -> Self {
        let mut links = Self {
            master_broker: Vec::new(),
            master_catalog: Vec::new(),
            worker_broker: Vec::new(),
            worker_masters: Vec::new(),
            broker_url: broker_url.to_owned(),
            catalog_url: catalog_url.to_owned(),
            master_urls: master_urls.to_vec(),
        };
        for _ in 0..MASTERS {
            links.master_broker.push(Proxy::forgetful(broker_url, seed).await);
            links.master_catalog.push(Proxy::forgetful(catalog_url, seed).await);
        }
        for _ in 0..WORKERS {
            links.worker_broker.push(Proxy::forgetful(broker_url, seed).await);
            let mut to_masters = Vec::new();
            for url in master_urls {
                to_masters.push(Proxy::forgetful(url, seed).await);
            }
            links.worker_masters.push(to_masters);
        }
        links
    }

    /// `rabbitmq.url` and `postgres.url` of a master.
    pub fn master_settings(&self, index: usize) -> Vec<(&'static str, String)> {
        vec![
            ("rabbitmq.url", self.master_broker[index].url(&self.broker_url)),
            ("postgres.url", self.master_catalog[index].url(&self.catalog_url)),
        ]
    }

    /// `rabbitmq.url` and `worker.master_urls` of a worker.
    pub fn worker_settings(&self, index: usize) -> Vec<(&'static str, String)> {
        let pairs = self.worker_masters[index].iter().zip(&self.master_urls);
        let urls: Vec<String> = pairs.map(|(proxy, url)| proxy.url(url)).collect();
        vec![
            ("rabbitmq.url", self.worker_broker[index].url(&self.broker_url)),
            ("worker.master_urls", urls.join(",")),
        ]
    }

    pub fn harm(&self, link: Link, harm: Harm) {
        for proxy in self.of(link) {
            match harm {
                Harm::Cut => proxy.cut(),
                Harm::Refuse => proxy.close(),
                Harm::Stall => proxy.set(Weather::Stalled(Direction::Both)),
                Harm::StallToServer => proxy.set(Weather::Stalled(Direction::ToServer)),
                Harm::StallToClient => proxy.set(Weather::Stalled(Direction::ToClient)),
                Harm::Delay => proxy.set(Weather::Delayed { fixed: DELAY_FIXED, jitter: DELAY_JITTER }),
                Harm::HalfCloseToServer => proxy.set(Weather::HalfClosed(Direction::ToServer)),
                Harm::HalfCloseToClient => proxy.set(Weather::HalfClosed(Direction::ToClient)),
            }
        }
    }

    pub fn heal(&self, link: Link) {
        self.of(link).iter().for_each(Proxy::open);
    }

    fn of(&self, link: Link) -> &[Proxy] {
        match link {
            Link::MasterBroker(index) => std::slice::from_ref(&self.master_broker[index]),
            Link::MasterCatalog(index) => std::slice::from_ref(&self.master_catalog[index]),
            Link::WorkerBroker(index) => std::slice::from_ref(&self.worker_broker[index]),
            Link::WorkerMasters(index) => &self.worker_masters[index],
        }
    }
}
