//! A transaction over several tasks: one connection, used by one of them at a time. Begun with its first statement.
//!
//! Who belongs to it was decided before; see [`scaleout_package::model::Membership`]. Turns are a
//! tree: a container that takes back what it did alone has its parent's turn for as long as it runs, and gives turns of
//! its own to what is inside it. Whoever has a turn waits for nothing that only those behind it could give.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::model::{Begin, Isolation, Sql};
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard};
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::execute::{Executed, execute};
use super::explain::{Problem, problem};
use super::ready::{Ready, connect};
use super::session::{Ran, Session};

/// What a task sees of the transaction it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Within {
    turn: Arc<Mutex<()>>,
    link: Arc<Link>,
}

/// Whoever has it may use the connection.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// A lock, and no owner that is asked: what is shared is a connection, and whoever has it keeps it for a statement.
#[derive(Debug)]
struct Link {
    /// Name of its connection, once it is known.
    connection: OnceLock<String>,
    /// See [`Begin::likely`].
    likely: BTreeSet<String>,
    isolation: Isolation,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// No statement yet.
    Fresh {
        /// How many containers around what comes next want to take back alone what is done in them.
        savepoints: usize,
    },
    Open(Session),
    /// It cannot be committed any more, and why. Its connection is closed.
    Lost(String),
    Ended,
}

/// An open transaction, while somebody works on it.
pub(super) struct Held<'a>(MutexGuard<'a, State>);

/// Why something inside did not work.
#[derive(Debug)]
pub(crate) enum Broken {
    Failed(String),
    /// It was told to end.
    Interrupted,
}

impl From<String> for Broken {
    fn from(text: String) -> Broken {
        Broken::Failed(text)
    }
}

/// What became of a transaction that should be committed, or not.
#[derive(Debug)]
pub(crate) enum Closed {
    /// What should be.
    Well,
    /// It should have been committed.
    Failed(String),
    /// It should have been committed, and was told to end before it was.
    Interrupted,
}

// Statements and containers have names of their own: what takes back a statement whose savepoint was never made must find
// none, and not that of a container. Of containers inner ones hide outer ones.
const SAVEPOINT: &str = "savepoint scaleout_statement";
const RELEASE: &str = "release savepoint scaleout_statement";
const ROLLBACK_TO: &str = "rollback to savepoint scaleout_statement; release savepoint scaleout_statement";
const CONTAINER_SAVEPOINT: &str = "savepoint scaleout_container";
const CONTAINER_RELEASE: &str = "release savepoint scaleout_container";
const CONTAINER_ROLLBACK_TO: &str =
    "rollback to savepoint scaleout_container; release savepoint scaleout_container";

/// The server takes the commit of a broken transaction for a rollback, and is content; what goes before is not.
const COMMIT: &str = "select 1; commit";

impl Within {
    pub(crate) fn new(begin: Begin, isolation: Isolation) -> Within {
        let connection = begin.connection.map(OnceLock::from).unwrap_or_default();
        let state = Mutex::new(State::Fresh { savepoints: 0 });
        Within {
            turn: Arc::default(),
            link: Arc::new(Link { connection, likely: begin.likely, isolation, state }),
        }
    }

    /// For what is inside a container that has the turn.
    pub(crate) fn inside(&self) -> Within {
        Within { turn: Arc::default(), link: Arc::clone(&self.link) }
    }

    /// Waits for those that run beside.
    pub(crate) async fn turn(&self) -> Turn {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// What it sees of others.
    pub(crate) fn isolation(&self) -> Isolation {
        self.link.isolation
    }

    /// Whether the query of a loop on this connection belongs to it. If that is not decided yet and may be, it is now.
    pub(super) async fn takes(&self, connection: &str) -> bool {
        let state = self.link.state.lock().await;
        let own = &self.link.connection;
        if matches!(*state, State::Fresh { .. }) && self.link.likely.contains(connection) {
            own.get_or_init(|| connection.to_owned());
        }
        own.get().is_some_and(|own| own == connection)
    }

    /// Executes a statement; what it did is taken back alone if it fails. Needs the turn.
    pub(super) async fn execute(
        &self,
        context: &Context<'_>,
        activation: &Activation<'_>,
        sql: &Sql,
        interrupt: &CancellationToken,
    ) -> Result<Executed, Broken> {
        let ready = Ready::of(context, activation, &sql.query).await?;
        let mut held = self.hold(context, activation, &ready.connection, interrupt).await?;
        let Session { client, wire } = held.session();
        let work = async {
            savepoint(client).await?;
            execute(client, sql, &ready).await
        };
        let ran = wire.carry(context, activation.path(), client, interrupt, work).await;
        held.settle(context, activation.path(), ran).await
    }

    /// Marks where a container begins. Needs the turn until [`Within::end_savepoint`].
    pub(crate) async fn begin_savepoint(
        &self,
        context: &Context<'_>,
        activation: &Activation<'_>,
        interrupt: &CancellationToken,
    ) -> Result<(), Broken> {
        let mut state = self.link.state.lock().await;
        match &mut *state {
            // Made when it begins.
            State::Fresh { savepoints } => {
                *savepoints += 1;
                return Ok(());
            }
            State::Open(_) => {}
            State::Lost(why) => return Err(Broken::Failed(lost(why))),
            State::Ended => return Err(Broken::Failed(ENDED.to_owned())),
        }
        let mut held = Held(state);
        let Session { client, wire } = held.session();
        let ran = wire
            .carry(context, activation.path(), client, interrupt, batch(client, CONTAINER_SAVEPOINT))
            .await;
        match ran {
            Ran::Done(Ok(())) => Ok(()),
            Ran::Done(Err(problem)) => Err(held.lose(problem.text)),
            // Whether there is one is not known.
            Ran::Cancelled(_) => {
                held.lose(UNSETTLED.to_owned());
                Err(Broken::Interrupted)
            }
        }
    }

    /// Keeps what was done since the container began, or takes it back.
    ///
    /// # Errors
    /// It should be kept, and is lost.
    pub(crate) async fn end_savepoint(
        &self,
        context: &Context<'_>,
        path: &str,
        kept: bool,
    ) -> Result<(), String> {
        let mut held = Held(self.link.state.lock().await);
        match &mut *held.0 {
            State::Open(_) => {}
            State::Lost(why) => return if kept { Err(lost(why)) } else { Ok(()) },
            State::Fresh { savepoints } => {
                *savepoints = savepoints.saturating_sub(1);
                return Ok(());
            }
            State::Ended => return Ok(()),
        }
        let text = if kept { CONTAINER_RELEASE } else { CONTAINER_ROLLBACK_TO };
        match held.finish(context, path, text).await {
            Err(problem) => {
                held.lose(problem.text.clone());
                if kept { Err(lost(&problem.text)) } else { Ok(()) }
            }
            Ok(()) => Ok(()),
        }
    }

    /// Waits until the connection is free, and begins the transaction on it if that was not done yet. Needs the turn.
    ///
    /// # Errors
    /// It cannot be begun, or is on another connection.
    pub(super) async fn hold<'w>(
        &'w self,
        context: &Context<'_>,
        activation: &Activation<'_>,
        connection: &str,
        interrupt: &CancellationToken,
    ) -> Result<Held<'w>, Broken> {
        let mut state = self.link.state.lock().await;
        if let Some(own) = self.link.connection.get().filter(|own| *own != connection) {
            return Err(Broken::Failed(format!(
                "this is inside a transaction on connection `{own}`, and wants `{connection}`: two databases cannot commit \
                 as one; keep it out with transaction = \"not-supported\""
            )));
        }
        match &*state {
            State::Open(_) => {}
            State::Fresh { savepoints } => {
                let session = self.begin(context, activation, connection, *savepoints, interrupt).await?;
                self.link.connection.get_or_init(|| connection.to_owned());
                *state = State::Open(session);
            }
            State::Lost(why) => return Err(Broken::Failed(lost(why))),
            State::Ended => return Err(Broken::Failed(ENDED.to_owned())),
        }
        Ok(Held(state))
    }

    async fn begin(
        &self,
        context: &Context<'_>,
        activation: &Activation<'_>,
        connection: &str,
        savepoints: usize,
        interrupt: &CancellationToken,
    ) -> Result<Session, Broken> {
        let session = connect(context, activation, connection, interrupt).await?;
        let mut session = session.ok_or(Broken::Interrupted)?;
        let Session { client, wire } = &mut session;
        let begin = match self.link.isolation {
            Isolation::Serializable => "begin isolation level serializable",
            Isolation::RepeatableRead => "begin isolation level repeatable read",
            Isolation::ReadCommitted => "begin isolation level read committed",
        };
        let text = [vec![begin], vec![CONTAINER_SAVEPOINT; savepoints]].concat().join("; ");
        let work = batch(client, &text);
        match wire.carry(context, activation.path(), client, interrupt, work).await {
            Ran::Done(Ok(())) => Ok(session),
            Ran::Done(Err(problem)) => Err(Broken::Failed(problem.text)),
            Ran::Cancelled(_) => Err(Broken::Interrupted),
        }
    }

    /// Ends the transaction: commits it if it is to be `kept`, else rolls it back. Nothing inside runs any more.
    pub(crate) async fn close(
        &self,
        context: &Context<'_>,
        (source, path): (MessageSource, &str),
        kept: bool,
        interrupt: &CancellationToken,
    ) -> Closed {
        let state = std::mem::replace(&mut *self.link.state.lock().await, State::Ended);
        let session = match state {
            State::Open(session) => session,
            State::Lost(why) if kept => return Closed::Failed(lost(&why)),
            State::Fresh { .. } | State::Lost(_) | State::Ended => return Closed::Well,
        };
        let say = |kind, text: &'static str| context.log.say(kind, source, path, text);
        // Others may do the same work by now.
        let over = context.host.guard.is_over();
        if !kept || over {
            roll_back(context, path, session).await;
            say(MessageType::Information, "the transaction is rolled back").await;
            let why = || Closed::Failed("the session is over: the transaction is rolled back".to_owned());
            return if kept { why() } else { Closed::Well };
        }
        let closed = commit(context, path, session, interrupt).await;
        match &closed {
            Closed::Well => say(MessageType::Information, "the transaction is committed").await,
            Closed::Failed(_) | Closed::Interrupted => {}
        }
        closed
    }
}

const ENDED: &str = "the transaction has ended";
const UNSETTLED: &str = "a statement was told to end, and whether something of it still runs is not known";

fn lost(why: &str) -> String {
    format!("the transaction is lost, and what was done in it is rolled back: {why}")
}

/// What failed while nobody could take it back any more is taken back by the server when the connection closes.
async fn roll_back(context: &Context<'_>, path: &str, mut session: Session) {
    let Session { client, wire } = &mut session;
    let rolled_back = wire.attend(context, path, batch(client, "rollback"));
    if let Ok(Err(problem)) = tokio::time::timeout(context.host.limits.stop_grace, rolled_back).await {
        tracing::debug!(problem = problem.text, "a transaction ends with its connection");
    }
}

async fn commit(
    context: &Context<'_>,
    path: &str,
    mut session: Session,
    interrupt: &CancellationToken,
) -> Closed {
    const UNKNOWN: &str = "whether the transaction was committed is not known";
    let Session { client, wire } = &mut session;
    match wire.carry(context, path, client, interrupt, batch(client, COMMIT)).await {
        // Success already achieved stands.
        Ran::Done(Ok(())) | Ran::Cancelled(Some(Ok(()))) => Closed::Well,
        Ran::Done(Err(problem)) if problem.is_the_servers() => {
            Closed::Failed(format!("cannot commit the transaction: {}", problem.text))
        }
        Ran::Done(Err(problem)) => Closed::Failed(format!("{UNKNOWN}: {}", problem.text)),
        Ran::Cancelled(Some(Err(problem))) if problem.is_the_servers() => Closed::Interrupted,
        Ran::Cancelled(_) => {
            context.log.say(MessageType::Warning, MessageSource::Task, path, UNKNOWN).await;
            Closed::Interrupted
        }
    }
}

impl Held<'_> {
    pub(super) fn session(&mut self) -> &mut Session {
        match &mut *self.0 {
            State::Open(session) => session,
            State::Fresh { .. } | State::Lost(_) | State::Ended => {
                unreachable!("it is held while it is open")
            }
        }
    }

    /// Ends work that began with a savepoint: keeps what it did, or takes it back.
    pub(super) async fn settle<T>(
        mut self,
        context: &Context<'_>,
        path: &str,
        ran: Ran<T>,
    ) -> Result<T, Broken> {
        if !ran.is_settled() {
            self.lose(UNSETTLED.to_owned());
            return Err(Broken::Interrupted);
        }
        let (text, ended) = match ran {
            Ran::Done(Ok(value)) => (RELEASE, Ok(value)),
            Ran::Done(Err(problem)) => (ROLLBACK_TO, Err(Broken::Failed(problem.text))),
            Ran::Cancelled(_) => (ROLLBACK_TO, Err(Broken::Interrupted)),
        };
        match self.finish(context, path, text).await {
            Ok(()) => ended,
            Err(problem) if ended.is_ok() && problem.is_the_servers() => {
                let why = "the statement ended the transaction itself: leave out its commit or rollback";
                Err(self.lose(why.to_owned()))
            }
            Err(problem) if ended.is_ok() => Err(self.lose(problem.text)),
            Err(problem) => {
                self.lose(problem.text);
                ended
            }
        }
    }

    /// What must not be left half done is not interrupted, but it is not waited for for ever.
    async fn finish(&mut self, context: &Context<'_>, path: &str, text: &str) -> Result<(), Problem> {
        let grace = context.host.limits.stop_grace;
        let Session { client, wire } = self.session();
        let finished = tokio::time::timeout(grace, wire.attend(context, path, batch(client, text))).await;
        finished.unwrap_or_else(|_| Err("the server does not answer".into()))
    }

    /// Gives the transaction up: its connection is closed, and the server rolls it back.
    fn lose(&mut self, why: String) -> Broken {
        let told = Broken::Failed(lost(&why));
        *self.0 = State::Lost(why);
        told
    }
}

pub(super) async fn savepoint(client: &Client) -> Result<(), Problem> {
    batch(client, SAVEPOINT).await
}

async fn batch(client: &Client, text: &str) -> Result<(), Problem> {
    client.batch_execute(text).await.map_err(|error| problem(&error, text))
}
