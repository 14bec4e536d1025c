//! Where a loop's next item comes from: what was known when it started, or a query whose rows come meanwhile.

use std::pin::Pin;

use futures_util::future::BoxFuture;
use scaleout_package::Value;
use scaleout_package::flow::ITERATIONS_MAX;
use scaleout_package::model::{Query, Target};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::sql::{self, Broken};
use super::items::Items;

/// The columns of an item, or why it has none.
pub(super) type Row = Result<Vec<Value>, String>;

/// What there is of the next item.
pub(super) enum Next {
    Item(Row),
    /// There are no more.
    None,
    /// It is not there yet: see [`Source::changed`].
    Later,
}

pub(super) enum Source<'a> {
    Known { items: Items<'a>, count: u64, taken: u64 },
    Fed(Fed<'a>),
}

/// The rows of a query. There is one here, one on the way, and what the query has fetched.
pub(super) struct Fed<'a> {
    rows: mpsc::Receiver<Vec<Value>>,
    next: Option<Vec<Value>>,
    taken: u64,
    more: bool,
    /// Must be polled for as long as it is there: it may have the turn of a transaction.
    feeding: Option<BoxFuture<'a, Result<(), Broken>>>,
    broken: Option<Broken>,
    enough: CancellationToken,
}

impl<'a> Source<'a> {
    pub(super) fn known(items: Items<'a>) -> Source<'a> {
        let count = items.count();
        Source::Known { items, count, taken: 0 }
    }

    pub(super) fn fed(
        context: &'a Context<'a>,
        activation: &'a Activation<'a>,
        query: &'a Query,
        into: &'a [Target],
        interrupt: &CancellationToken,
    ) -> Source<'a> {
        let (sender, rows) = mpsc::channel(1);
        let enough = interrupt.child_token();
        let token = enough.clone();
        let feeding =
            Box::pin(async move { sql::feed(context, activation, query, into, sender, &token).await });
        let feeding: BoxFuture<'a, Result<(), Broken>> = feeding;
        Source::Fed(Fed {
            rows,
            next: None,
            taken: 0,
            more: true,
            feeding: Some(feeding),
            broken: None,
            enough,
        })
    }

    /// How many items there are; none if that is not known before the last one.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Source::Known { count, .. } => Some(*count),
            Source::Fed(_) => None,
        }
    }

    /// Takes the next item, if it is there.
    pub(super) fn take(&mut self) -> Next {
        match self {
            Source::Known { count, taken, .. } if taken == count => Next::None,
            Source::Known { items, taken, .. } => {
                *taken += 1;
                Next::Item(items.row(*taken))
            }
            Source::Fed(fed) => match fed.next.take() {
                Some(_) if fed.taken == ITERATIONS_MAX => {
                    let text = format!("the query gives more than {ITERATIONS_MAX} rows");
                    fed.broken = Some(Broken::Failed(text));
                    fed.more = false;
                    Next::None
                }
                Some(row) => {
                    fed.taken += 1;
                    Next::Item(Ok(row))
                }
                None if fed.more => Next::Later,
                None => Next::None,
            },
        }
    }

    /// Waits until there may be another item. Can be dropped and called again; nothing goes on without it.
    pub(super) async fn changed(&mut self) {
        let Source::Fed(fed) = self else { return std::future::pending().await };
        let wants = fed.next.is_none() && fed.more;
        tokio::select! {
            biased;
            row = fed.rows.recv(), if wants => {
                fed.more = row.is_some();
                fed.next = row;
            }
            ended = end_of(&mut fed.feeding) => {
                fed.feeding = None;
                if let Err(broken) = ended {
                    fed.broken.get_or_insert(broken);
                }
            }
        }
    }

    /// Ends it, and says why there were no more items, if that was not their end.
    pub(super) async fn finish(self) -> Option<Broken> {
        let Source::Fed(mut fed) = self else { return None };
        drop(fed.rows);
        let Some(feeding) = fed.feeding.take() else { return fed.broken };
        // What it still waits for is for nobody.
        fed.enough.cancel();
        match feeding.await {
            Ok(()) | Err(Broken::Interrupted) => fed.broken,
            Err(broken) => fed.broken.or(Some(broken)),
        }
    }
}

/// For ever if there is none.
async fn end_of<T>(running: &mut Option<BoxFuture<'_, T>>) -> T {
    match running {
        Some(running) => Pin::new(running).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_query_gives_as_many_rows_as_a_loop_has_iterations() {
        let fed = |taken| {
            let (_, rows) = mpsc::channel(1);
            let next = Some(vec![Value::Null]);
            let enough = CancellationToken::new();
            Source::Fed(Fed { rows, next, taken, more: true, feeding: None, broken: None, enough })
        };
        let mut last = fed(ITERATIONS_MAX - 1);
        assert!(matches!(last.take(), Next::Item(Ok(_))) && matches!(last.take(), Next::Later));
        assert!(last.finish().await.is_none());
        let mut beyond = fed(ITERATIONS_MAX);
        assert!(matches!(beyond.take(), Next::None));
        let Some(Broken::Failed(problem)) = beyond.finish().await else { panic!("it goes on") };
        assert_eq!(problem, "the query gives more than 1000000 rows");
    }
}
