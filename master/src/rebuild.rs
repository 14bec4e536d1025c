//! A request to dispatch everything pending again: from the API to the task that watches the sentinel. It ends with
//! its answer; the rebuild itself goes on in the catalog, whoever asked for it.

use tokio::sync::oneshot;

use crate::catalog::CatalogError;
use crate::catalog::protocol::Epoch;

/// Requests that wait at most; more are refused.
pub(crate) const REQUESTS_MAX: usize = 16;

/// Somebody wants everything pending dispatched again.
#[derive(Debug)]
pub struct RebuildRequest(oneshot::Sender<Result<Epoch, CatalogError>>);

impl RebuildRequest {
    /// A request, and where its answer comes: the epoch that it began. No answer: the link to the broker was lost.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<Epoch, CatalogError>>) {
        let (answer, answered) = oneshot::channel();
        (Self(answer), answered)
    }

    pub(crate) fn answer(self, epoch: Result<Epoch, CatalogError>) {
        // Whoever asked may be gone; what was asked for is done.
        let _ = self.0.send(epoch);
    }
}
