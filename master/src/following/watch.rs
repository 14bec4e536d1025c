//! Looks at all executions whose logs are followed, in one statement however many follow, and tells the streams. Owns
//! who is followed; ends with its master.

use std::collections::HashMap;
use std::time::Duration;

use scaleout_common::ids::ExecutionId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::catalog::requests::Followed;

/// How often it looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A request to be told where an execution stands.
pub struct Follow {
    pub(super) id: ExecutionId,
    /// As it stood a moment ago.
    pub(super) now: Followed,
    pub(super) answer: oneshot::Sender<watch::Receiver<Sight>>,
}

/// Where an execution stands; `None` once it has been removed from the catalog.
pub(super) type Sight = Option<Followed>;

type Followers = HashMap<ExecutionId, watch::Sender<Sight>>;

/// Runs until `stop`. Looks at nothing while nobody follows.
pub async fn run(catalog: Catalog, mut asked: mpsc::Receiver<Follow>, stop: CancellationToken) {
    let mut followers = Followers::new();
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            follow = asked.recv() => match follow {
                Some(follow) => add(&mut followers, follow),
                None => return,
            },
            _ = looks.tick(), if !followers.is_empty() => look(&catalog, &mut followers).await,
        }
    }
}

fn add(followers: &mut Followers, Follow { id, now, answer }: Follow) {
    let sender = followers.entry(id).or_insert_with(|| watch::Sender::new(Some(now)));
    // Who asked may have gone; then the next look forgets it.
    let _ = answer.send(sender.subscribe());
}

async fn look(catalog: &Catalog, followers: &mut Followers) {
    followers.retain(|_, sender| !sender.is_closed());
    let ids: Vec<ExecutionId> = followers.keys().copied().collect();
    let mut found: HashMap<_, _> = match catalog.followed(&ids).await {
        Ok(found) => found.into_iter().collect(),
        Err(error) => return tracing::debug!(%error, "who follows a log waits for the catalog"),
    };
    for (id, sender) in followers.iter() {
        let sight = found.remove(id);
        sender.send_if_modified(|before| {
            let is_news = news(before.as_ref()) != news(sight.as_ref());
            if is_news {
                *before = sight;
            }
            is_news
        });
    }
}

/// What streams wait for. How long ago it ended they know from then on.
fn news(sight: Option<&Followed>) -> impl PartialEq {
    sight.map(|now| (now.status, now.attempt, now.newest))
}
