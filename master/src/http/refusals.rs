//! What was refused goes into the audit: at once the first time, then counted, so that no flood fills the disk. The task
//! here owns the counts of a minute; requests send to it and never wait. Decisions are those of [`Minute`], which is pure.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use scaleout_common::api::{AuditAction, UNKNOWN};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::routes;
use super::state::SharedApi;
use crate::catalog::Catalog;
use crate::catalog::requests::{Caller, Deed, Refused};

/// How long the same refusal is counted before it is written again.
const WINDOW: Duration = Duration::from_secs(60);

/// Different refusals of tokens that are known, which are written in one such time at most; all others are one row
/// together.
const ROWS_MAX: usize = 60;

/// The same of who has no such token: nobody crowds out the others with nothing in hand.
const UNKNOWN_ROWS_MAX: usize = 30;

/// Refusals that wait to be looked at, at most; more are counted.
const WAITING_MAX: usize = 256;

/// The address that a connection came from; put into each request of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote(pub(super) IpAddr);

/// Why somebody was refused. Travels with the answer.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    who: String,
    role: Option<&'static str>,
    object: String,
    why: String,
}

impl Refusal {
    pub(super) fn of(caller: &Caller, why: impl Into<String>) -> Self {
        let (who, role) = (caller.name.clone(), Some(caller.role.as_str()));
        Self { who, role, object: String::new(), why: why.into() }
    }

    /// Without a token that is known.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { who: UNKNOWN.to_owned(), role: None, object: String::new(), why: why.into() }
    }

    pub(super) fn on(self, object: impl Into<String>) -> Self {
        Self { object: object.into(), ..self }
    }
}

/// Sends to the task that writes.
#[derive(Clone)]
pub(super) struct Refusals {
    to: mpsc::Sender<Refused>,
    lost: Arc<AtomicU64>,
}

impl Refusals {
    /// Starts the task; it ends when the last sender is gone, and has written everything then.
    pub(super) fn start(catalog: Catalog) -> (Self, JoinHandle<()>) {
        let (to, refusals) = mpsc::channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let writing = tokio::spawn(write(catalog, refusals, Arc::clone(&lost)));
        (Self { to, lost }, writing)
    }
}

/// Hands on what an answer says of a refusal.
pub(super) async fn audited(State(api): State<SharedApi>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.and_then(|path| routes::find(request.method(), path.as_str()));
    let remote = request.extensions().get::<Remote>().map(|remote| remote.0.to_string());
    let response = next.run(request).await;
    if let Some(refusal) = response.extensions().get::<Refusal>().cloned() {
        let action = route.map_or(AuditAction::Several, |route| route.action);
        let deed = Deed::new(action, refusal.object).detail(refusal.why);
        let refused = Refused { who: refusal.who, role: refusal.role, deed, times: 1, remote };
        if api.refusals.to.try_send(refused).is_err() {
            api.refusals.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
    response
}

async fn write(catalog: Catalog, mut refusals: mpsc::Receiver<Refused>, lost: Arc<AtomicU64>) {
    let mut minute = Minute::default();
    let mut ends: Option<Instant> = None;
    loop {
        let over = async {
            match ends {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            refused = refusals.recv() => match refused {
                Some(refused) => {
                    ends.get_or_insert_with(|| Instant::now() + WINDOW);
                    if let Some(first) = minute.count(refused) {
                        put(&catalog, &first, &lost).await;
                    }
                }
                None => break,
            },
            () = over => {
                ends = None;
                close(&catalog, &mut minute, &lost).await;
            }
        }
    }
    close(&catalog, &mut minute, &lost).await;
}

async fn close(catalog: &Catalog, minute: &mut Minute, lost: &AtomicU64) {
    for refused in std::mem::take(minute).close(lost.swap(0, Ordering::Relaxed)) {
        put(catalog, &refused, lost).await;
    }
}

/// What cannot be written is counted among what was left out.
async fn put(catalog: &Catalog, refused: &Refused, lost: &AtomicU64) {
    if let Err(error) = catalog.audit_refused(refused).await {
        let Refused { who, deed, times, .. } = refused;
        lost.fetch_add(*times, Ordering::Relaxed);
        tracing::warn!(%error, who, action = %deed.action, times, "a refusal could not be written into the audit");
    }
}

/// What makes two refusals the same: all but on what and in which words. Of who has no token that is known, only the
/// address: what somebody tries without one is of little interest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Known(String, AuditAction, Option<String>),
    Unknown(Option<String>),
}

impl Kind {
    fn of(refused: &Refused) -> Self {
        match refused.who == UNKNOWN {
            true => Self::Unknown(refused.remote.clone()),
            false => Self::Known(refused.who.clone(), refused.deed.action, refused.remote.clone()),
        }
    }

    /// How many of its sort may be written.
    fn rows_max(&self) -> usize {
        match self {
            Self::Known(..) => ROWS_MAX,
            Self::Unknown(_) => UNKNOWN_ROWS_MAX,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// What was refused since the window began.
#[derive(Default)]
struct Minute {
    /// What was written, and how often it came again.
    known: HashMap<Kind, (Refused, u64)>,
    /// What found no room.
    others: u64,
}

impl Minute {
    /// What is to be written at once: the first of its kind, as long as there is room.
    fn count(&mut self, refused: Refused) -> Option<Refused> {
        let kind = Kind::of(&refused);
        if let Some((_, again)) = self.known.get_mut(&kind) {
            *again += 1;
            return None;
        }
        if self.known.keys().filter(|other| kind.is_like(other)).count() >= kind.rows_max() {
            self.others += 1;
            return None;
        }
        self.known.insert(kind, (refused.clone(), 0));
        Some(refused)
    }

    /// What is to be written at the end: what came again, and all others together, with the `lost` ones.
    fn close(self, lost: u64) -> Vec<Refused> {
        let again = |(kind, (refused, times)): (Kind, (Refused, u64))| {
            let action =
                if matches!(kind, Kind::Unknown(_)) { AuditAction::Several } else { refused.deed.action };
            let deed = Deed::new(action, "").detail("the same again, within a minute of the first");
            Refused { deed, times, ..refused }
        };
        let mut rows: Vec<Refused> =
            self.known.into_iter().filter(|(_, (_, times))| *times > 0).map(again).collect();
        let others = self.others + lost;
        if others > 0 {
            let deed =
                Deed::new(AuditAction::Several, "").detail("refused besides, and left out for their number");
            rows.push(Refused { who: UNKNOWN.to_owned(), role: None, deed, times: others, remote: None });
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(who: &str, object: &str) -> Refused {
        let deed = Deed::new(AuditAction::BatchEnqueue, object);
        Refused { who: who.to_owned(), role: None, deed, times: 1, remote: None }
    }

    #[test]
    fn the_same_is_written_once_and_counted() {
        let mut minute = Minute::default();
        assert!(minute.count(refused("ci", "a")).is_some());
        assert!(minute.count(refused("ci", "b")).is_none());
        assert!(minute.count(refused("ci", "c")).is_none());
        assert!(minute.count(refused("other", "a")).is_some());
        let rows = minute.close(0);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].who.as_str(), rows[0].times), ("ci", 2));
    }

    #[test]
    fn a_flood_of_different_ones_is_bounded_and_counted() {
        let mut minute = Minute::default();
        let written = (0..10_000).filter(|n| minute.count(refused(&n.to_string(), "")).is_some()).count();
        assert_eq!(written, ROWS_MAX);
        let rows = minute.close(7);
        assert_eq!(rows.len(), 1, "{rows:?}");
        let left_out = (10_000 - ROWS_MAX) as u64 + 7;
        assert_eq!((rows[0].deed.action, rows[0].times), (AuditAction::Several, left_out));
    }

    #[test]
    fn who_has_no_token_crowds_nobody_out() {
        let mut minute = Minute::default();
        let unknown = |n: usize| Refused { remote: Some(n.to_string()), ..refused(UNKNOWN, "") };
        let written = (0..10_000).filter(|n| minute.count(unknown(*n)).is_some()).count();
        assert_eq!(written, UNKNOWN_ROWS_MAX);
        assert!(minute.count(refused("ci", "a")).is_some());
        // From one address all that is tried without a token is one row.
        let status = Deed::new(AuditAction::StatusShow, "");
        assert!(minute.count(Refused { deed: status, ..unknown(0) }).is_none());
        let rows = minute.close(0);
        let again = rows.iter().find(|row| row.remote.as_deref() == Some("0")).unwrap();
        assert_eq!((again.deed.action, again.times), (AuditAction::Several, 1));
    }
}
