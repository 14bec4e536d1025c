//! One connection to a server: moved by a task of its own, ended by dropping it. What the server says beside its
//! answers goes into the log of whoever works on it.

use std::pin::pin;

use scaleout_common::wire::{MessageSource, MessageType};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::super::context::Context;
use super::explain::{self, Problem};

/// How long asking the server to cancel may take.
const CANCEL_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Most notices that wait to be logged; the connection stands still for more.
const NOTICES_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) wire: Wire,
}

/// The side of a session that moves it.
#[derive(Debug)]
pub(super) struct Wire {
    notices: mpsc::Receiver<(MessageType, String)>,
    /// Ends with why the connection has ended. Aborted, and so the socket closed, when it is dropped.
    driver: AbortOnDropHandle<String>,
    /// Whether it has said why: it says it once.
    lost: bool,
}

/// How work on a session ended.
#[derive(Debug)]
pub(super) enum Ran<T> {
    Done(Result<T, Problem>),
    /// It was told to end; what it ended with, if it did within the grace.
    Cancelled(Option<Result<T, Problem>>),
}

impl<T> Ran<T> {
    /// Whether nothing of it, and nothing of a request to cancel it, can still be on its way: the server says that it
    /// was canceled. A request that crossed the end of its statement would hit the next one.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Ran::Done(_) => true,
            Ran::Cancelled(ended) => matches!(ended, Some(Err(problem)) if problem.is_cancelled()),
        }
    }
}

impl Session {
    pub(super) async fn connect(config: &Config) -> Result<Session, tokio_postgres::Error> {
        let (client, connection) = config.connect(NoTls).await?;
        let (sender, notices) = mpsc::channel(NOTICES_MAX);
        let driver = AbortOnDropHandle::new(tokio::spawn(drive(connection, sender)));
        Ok(Session { client, wire: Wire { notices, driver, lost: false } })
    }
}

impl Wire {
    /// Waits for `work` on the session; cancels it on the server when `interrupt` is cancelled.
    pub(super) async fn carry<T>(
        &mut self,
        context: &Context<'_>,
        path: &str,
        client: &Client,
        interrupt: &CancellationToken,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Ran<T> {
        let mut work = pin!(self.attend(context, path, work));
        tokio::select! {
            biased;
            ended = &mut work => return Ran::Done(ended),
            () = interrupt.cancelled() => {}
        }
        // The cancelled statement answers with an error.
        let ended = if cancel(client).await {
            tokio::time::timeout(context.host.limits.stop_grace, work).await.ok()
        } else {
            None
        };
        if ended.is_none() {
            let text =
                "the server was not reached to cancel the statement, which may go on there for a while";
            context.log.say(MessageType::Warning, MessageSource::Task, path, text).await;
        }
        Ran::Cancelled(ended)
    }

    /// Waits for `work` on the session, and logs notices meanwhile.
    pub(super) async fn attend<T>(
        &mut self,
        context: &Context<'_>,
        path: &str,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let mut work = pin!(work);
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut work => break ended,
                Some((kind, text)) = self.notices.recv() => {
                    context.log.say(kind, MessageSource::Task, path, text).await;
                }
                why = &mut self.driver, if !self.lost => {
                    self.lost = true;
                    return Err(Problem::lost(why));
                }
            }
        };
        while let Ok((kind, text)) = self.notices.try_recv() {
            context.log.say(kind, MessageSource::Task, path, text).await;
        }
        ended
    }
}

/// Whether the server took the request.
async fn cancel(client: &Client) -> bool {
    let asked = tokio::time::timeout(CANCEL_TIME_MAX, client.cancel_token().cancel_query(NoTls)).await;
    matches!(asked, Ok(Ok(())))
}

/// Moves the connection; returns why it ended: the server says it, or the socket does.
async fn drive<S, T>(mut connection: Connection<S, T>, notices: mpsc::Sender<(MessageType, String)>) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match std::future::poll_fn(|task| connection.poll_message(task)).await {
            Some(Ok(AsyncMessage::Notice(notice))) => {
                let kind = if notice.severity() == "WARNING" {
                    MessageType::Warning
                } else {
                    MessageType::Information
                };
                // Nobody listens any more only when the session is being dropped.
                let _ = notices.send((kind, format!("{}: {}", notice.severity(), notice.message()))).await;
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return explain::error(&error, ""),
            None => return "the server closed it".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_cancel_that_was_not_answered_as_such_may_still_be_on_its_way() {
        assert!(Ran::Done(Ok(())).is_settled() && Ran::<()>::Done(Err("failed".into())).is_settled());
        for ended in [None, Some(Ok(())), Some(Err(Problem::from("failed")))] {
            assert!(!Ran::Cancelled(ended).is_settled());
        }
    }
}
