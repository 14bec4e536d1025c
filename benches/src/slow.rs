//! A catalog that stands still for a while: what the clients are told, and what the master keeps meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use reqwest::StatusCode;
use uuid::Uuid;

use crate::cpu::Usage;
use crate::stand::{Request, Stand};

/// How long nothing can be written.
const STANDS_STILL: Duration = Duration::from_secs(10);
const CLIENTS: usize = 500;
const REQUESTS_EACH: usize = 10;
const EXECUTIONS_EACH: u64 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    /// Requests, each of which was accepted in the end.
    pub(crate) requests: u64,
    /// Answers that told to come later, and of these the ones that said when.
    pub(crate) later: u64,
    pub(crate) said_when: u64,
    /// The longest that a client waited for an answer of either kind.
    pub(crate) longest: Duration,
    /// What the master held before, and at most, in bytes.
    pub(crate) before: u64,
    pub(crate) most: u64,
}

/// Lets many clients enqueue while the catalog stands still and after; all that was accepted has ended when it returns.
///
/// # Panics
/// When a request is refused for good, or anything is lost.
pub(crate) async fn run(stand: &mut Stand) -> Slow {
    let before = Usage::now(&stand.parts()).masters.resident;
    let (later, said_when, longest) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let client = async || {
        for _ in 0..REQUESTS_EACH {
            let request = Request { id: Uuid::now_v7(), package: "empty", count: EXECUTIONS_EACH };
            loop {
                let asked = Instant::now();
                let (status, after) = stand.post(request).await;
                let waited = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
                longest.fetch_max(waited, Ordering::Relaxed);
                if status.is_success() {
                    break;
                }
                assert!(
                    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE),
                    "{status}"
                );
                later.fetch_add(1, Ordering::Relaxed);
                said_when.fetch_add(after.is_some().into(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(after.unwrap_or(1))).await;
            }
        }
    };
    let clients = join_all((0..CLIENTS).map(|_| client()));
    let (_, most) = join(clients, stand_still(stand)).await;
    let requests = (CLIENTS * REQUESTS_EACH) as u64;
    stand.asked_for(requests * EXECUTIONS_EACH);
    stand.all_have_ended().await;
    Slow {
        requests,
        later: later.into_inner(),
        said_when: said_when.into_inner(),
        longest: Duration::from_millis(longest.into_inner()),
        before,
        most: most.max(before),
    }
}

/// The most that the master held while the catalog stood still.
async fn stand_still(stand: &Stand) -> u64 {
    let catalog = &stand.cluster.catalog;
    let lock = "begin; lock table internal.executions in exclusive mode";
    catalog.batch_execute(lock).await.expect("the catalog can be locked");
    let (began, mut most) = (Instant::now(), 0);
    while began.elapsed() < STANDS_STILL {
        tokio::time::sleep(LOOK_EVERY).await;
        most = most.max(Usage::now(&stand.parts()).masters.resident);
    }
    catalog.batch_execute("commit").await.expect("the catalog goes on");
    most
}
