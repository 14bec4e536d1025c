//! One stream of one log: reads pieces of it as it grows, and says what comes next. Holds one piece at most, and reads
//! only when its reader has taken all of it: a slow reader holds back nothing but itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scaleout_common::api::{
    EndEvent, LogMessage, MissingEvent, ReconnectEvent, ReconnectReason, StatusEvent,
};
use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::order::{self, Next, Over, Place};
use super::watch::{Follow, LOOK_EVERY, Sight};
use crate::catalog::requests::{Followed, MessageCursor};
use crate::catalog::{Catalog, CatalogError};

/// What a stream sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Status(StatusEvent),
    Message(LogMessage),
    Missing(MissingEvent),
    End(EndEvent),
    Reconnect(ReconnectEvent),
}

/// A stream, to be asked for one event after another.
pub struct Following {
    catalog: Catalog,
    id: ExecutionId,
    seen: watch::Receiver<Sight>,
    /// Shared by all streams of this master: so many read of the catalog at once.
    reads: Arc<Semaphore>,
    place: Place,
    /// Since when there has been a hole behind the place.
    hole_since: Option<Instant>,
    told: Option<StatusEvent>,
    ready: VecDeque<Event>,
    /// When it has lasted long enough.
    until: Instant,
    stopping: CancellationToken,
    is_over: bool,
}

/// What all streams of a master share.
#[derive(Clone)]
pub(crate) struct Streams {
    pub(crate) catalog: Catalog,
    pub(crate) follow: mpsc::Sender<Follow>,
    pub(crate) reads: Arc<Semaphore>,
    pub(crate) time_max: Duration,
    pub(crate) stopping: CancellationToken,
}

impl Streams {
    /// Begins to follow what stands at `now`, behind `after`. `None`: the master stops.
    pub(crate) async fn begin(
        &self,
        id: ExecutionId,
        now: Followed,
        after: MessageCursor,
    ) -> Result<Option<Following>, CatalogError> {
        let closed = after.sequence > 0 && self.catalog.is_log_closed(id, after).await?;
        let (answer, answered) = oneshot::channel();
        if self.follow.send(Follow { id, now, answer }).await.is_err() {
            return Ok(None);
        }
        let Ok(seen) = answered.await else { return Ok(None) };
        Ok(Some(Following {
            catalog: self.catalog.clone(),
            id,
            seen,
            reads: Arc::clone(&self.reads),
            place: Place::at(after, closed),
            hole_since: None,
            told: None,
            ready: VecDeque::new(),
            until: Instant::now() + self.time_max,
            stopping: self.stopping.clone(),
            is_over: false,
        }))
    }
}

impl Following {
    /// The next event, once there is one; `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            self.step().await;
        }
    }

    /// Finds what is next, or waits for something to change.
    async fn step(&mut self) {
        if self.stopping.is_cancelled() {
            return self.leave(ReconnectReason::Stopping);
        }
        if Instant::now() >= self.until {
            return self.leave(ReconnectReason::Time);
        }
        let Some(now) = self.seen.borrow_and_update().clone() else {
            // It has been removed: who asks again is told so.
            self.is_over = true;
            return;
        };
        let status = StatusEvent { status: now.status, attempt: now.attempt };
        if self.told.replace(status) != Some(status) {
            return self.ready.push_back(Event::Status(status));
        }
        match self.look(&now).await {
            Ok(None) => {}
            Ok(Some(wait)) => self.wait(wait.min(LOOK_EVERY)).await,
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, execution = %self.id, "a stream waits for the catalog");
                self.wait(LOOK_EVERY).await;
            }
            Err(error) => {
                tracing::error!(%error, execution = %self.id, "a log cannot be followed");
                self.leave(ReconnectReason::Failed);
            }
        }
    }

    /// Reads on. How long to wait if there is nothing to do.
    async fn look(&mut self, now: &Followed) -> Result<Option<Duration>, CatalogError> {
        let over = self.over(now).await?;
        if over.is_none() && now.newest <= self.place.cursor {
            return Ok(Some(LOOK_EVERY));
        }
        let mut piece = {
            let _read = self.reads.acquire().await;
            self.catalog.log_piece(self.id, self.place.cursor).await?
        };
        let hole_for = self.hole_since.map_or(Duration::ZERO, |since| since.elapsed());
        match order::next(&self.place, &piece, over, hole_for) {
            Next::Send(count) => {
                piece.truncate(count);
                self.place.pass(&piece);
                self.ready.extend(piece.into_iter().map(Event::Message));
                self.hole_since = None;
            }
            Next::Wait(wait) => {
                let is_hole = piece.first().is_some_and(|one| one.attempt == self.place.cursor.attempt);
                self.hole_since = is_hole.then(|| self.hole_since.unwrap_or_else(Instant::now));
                return Ok(Some(wait));
            }
            Next::Skip(missing) => {
                tracing::warn!(execution = %self.id, ?missing, "messages of a log have not come");
                self.place.cursor.sequence = missing.to.unwrap_or(self.place.cursor.sequence);
                self.hole_since = None;
                self.ready.push_back(Event::Missing(missing));
            }
            Next::Turn(missing) => {
                self.place.turn();
                self.ready.extend(missing.map(Event::Missing));
            }
            Next::End(missing) => {
                let Followed { status, attempt, error, .. } = now.clone();
                self.ready.extend(missing.map(Event::Missing));
                self.ready.push_back(Event::End(EndEvent { status, attempt, error }));
                self.is_over = true;
            }
        }
        Ok(None)
    }

    /// Whether the attempt that is being sent has ended. Asked before its log is read: what came before the end is
    /// then in it, or on its way.
    async fn over(&self, now: &Followed) -> Result<Option<Over>, CatalogError> {
        let attempt = self.place.cursor.attempt;
        if attempt < now.attempt {
            let _read = self.reads.acquire().await;
            let end = self.catalog.attempt_end(self.id, attempt).await?;
            let (ago, reported) = end.map_or((Duration::MAX, false), |end| {
                (end.ended_for, matches!(end.ending.as_str(), "failed" | "timed-out"))
            });
            return Ok(Some(Over { ago, reported, last: false }));
        }
        let ended_for = now.ended_for.map_or(Duration::MAX, |ago| ago + now.read_at.elapsed());
        let reported = matches!(now.status, Status::Succeeded | Status::Failed);
        Ok(now.status.is_terminal().then_some(Over { ago: ended_for, reported, last: true }))
    }

    async fn wait(&mut self, time: Duration) {
        let time = time.min(self.until.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = self.stopping.cancelled() => {}
            Ok(()) = self.seen.changed() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    fn leave(&mut self, reason: ReconnectReason) {
        self.ready.push_back(Event::Reconnect(ReconnectEvent { reason }));
        self.is_over = true;
    }
}
