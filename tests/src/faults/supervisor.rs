//! Starts masters and workers, and starts them again when they end, as systemd would: after a pause by lot. One task owns
//! the processes and is told what to do with them; when it is dropped they are killed.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{mpsc, oneshot};

use super::say::Say;
use crate::harness::{Call, Random};

const LOOK_EVERY: Duration = Duration::from_millis(50);
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A process to keep running.
#[derive(Debug)]
pub struct Kept {
    pub name: String,
    pub call: Call,
    /// Both its streams, of all its lives, go there.
    pub log: PathBuf,
}

/// Tells the task; cheap to clone.
#[derive(Clone, Debug)]
pub struct Supervisor {
    orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
enum Order {
    Kill { index: usize, away: Duration },
    Pid { index: usize, reply: oneshot::Sender<Option<Pid>> },
    Pids { reply: oneshot::Sender<Vec<(String, Pid)>> },
    End { done: oneshot::Sender<()> },
}

impl Supervisor {
    /// Starts all of them; those that end come back after pauses that follow from `seed`.
    pub fn start(kept: Vec<Kept>, seed: u64, say: Say) -> Self {
        let (orders, inbox) = mpsc::channel(64);
        let kept = kept.into_iter().map(|kept| Life { kept, child: None, start_at: Some(Instant::now()) });
        let task = Task { lives: kept.collect(), random: Random::of(seed, "pauses"), say };
        tokio::spawn(task.run(inbox));
        Self { orders }
    }

    /// Kills one, and starts it again when it was `away` so long.
    pub async fn kill(&self, index: usize, away: Duration) {
        self.tell(Order::Kill { index, away }).await;
    }

    /// `None` while it is down.
    pub async fn pid(&self, index: usize) -> Option<Pid> {
        let (reply, answer) = oneshot::channel();
        self.tell(Order::Pid { index, reply }).await;
        answer.await.ok().flatten()
    }

    /// Those that run, by name.
    pub async fn pids(&self) -> Vec<(String, Pid)> {
        let (reply, answer) = oneshot::channel();
        self.tell(Order::Pids { reply }).await;
        answer.await.unwrap_or_default()
    }

    /// Ends all of them, and waits for it.
    pub async fn end(&self) {
        let (done, ended) = oneshot::channel();
        self.tell(Order::End { done }).await;
        // An error says that the task has ended already.
        let _ = ended.await;
    }

    async fn tell(&self, order: Order) {
        // The task ends only when it is told to, and then there is nothing to be done.
        let _ = self.orders.send(order).await;
    }
}

/// Sends a signal; a process that is gone needs none.
pub fn signal(pid: Pid, signal: Signal) {
    let _ = kill_process(pid, signal);
}

struct Task {
    lives: Vec<Life>,
    random: Random,
    say: Say,
}

struct Life {
    kept: Kept,
    child: Option<Child>,
    start_at: Option<Instant>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                order = inbox.recv() => match order {
                    Some(Order::Kill { index, away }) => self.lives[index].kill(Some(away)),
                    // An asker that is gone needs no answer.
                    Some(Order::Pid { index, reply }) => drop(reply.send(self.lives[index].pid())),
                    Some(Order::Pids { reply }) => drop(reply.send(self.pids())),
                    Some(Order::End { done }) => {
                        self.lives.clear();
                        let _ = done.send(());
                        return;
                    }
                    None => return,
                },
                _ = ticks.tick() => self.look(),
            }
        }
    }

    fn pids(&self) -> Vec<(String, Pid)> {
        self.lives.iter().filter_map(|life| Some((life.kept.name.clone(), life.pid()?))).collect()
    }

    fn look(&mut self) {
        for life in &mut self.lives {
            if let Some(status) = life.ended() {
                let pause = self.random.between(PAUSE_MIN, PAUSE_MAX);
                life.start_at = Some(Instant::now() + pause);
                let name = &life.kept.name;
                self.say
                    .line(&format!("{name} ended by itself: {}; it comes back in {pause:.1?}", how(status)));
            }
            if life.start_at.is_some_and(|at| at <= Instant::now()) {
                life.start_at = None;
                if let Err(error) = life.start() {
                    self.say.line(&format!("{} cannot be started: {error:#}", life.kept.name));
                    life.start_at = Some(Instant::now() + PAUSE_MAX);
                }
            }
        }
    }
}

impl Life {
    fn pid(&self) -> Option<Pid> {
        self.child.as_ref().map(Pid::from_child)
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        Some(status)
    }

    fn kill(&mut self, away: Option<Duration>) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.start_at = away.map(|away| Instant::now() + away);
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.kept.log).context("no log file")?;
        let mut command = self.kept.call.command();
        // The pipe is its lifeline: it closes when this process ends, however it does.
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| self.kept.call.to_string())?);
        Ok(())
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.kill(None);
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    }
}
