//! Carries faults out: begins one, waits as long as it lasts, and takes it back. What is broken stays broken no longer than
//! its fault, also when something else broke it more.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Method, Url};
use rustix::process::{Pid, Signal};
use scaleout_local::Servers;
use tokio::time::sleep;

use super::disk;
use super::fault::{Fault, Harm, Planned, Queue, Server, Who};
use super::stage::Stage;
use super::supervisor::signal;
use super::trigger;

/// A server that does not answer this long after its disk has room again is started anew.
const COMES_BACK_MAX: Duration = Duration::from_secs(10);
const RESTARTS_MAX: u32 = 5;
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Stage {
    /// Ends when the fault is over.
    ///
    /// # Errors
    /// When it could not be inflicted, or not taken back.
    pub async fn inflict(&self, planned: Planned) -> anyhow::Result<()> {
        let lasts = planned.lasts;
        match planned.fault {
            Fault::Kill(Who::Guard(index)) => {
                signal(self.guard(index)?, Signal::KILL);
                Ok(())
            }
            Fault::Kill(who) => {
                self.supervisor.kill(Self::index(who), lasts).await;
                sleep(lasts).await;
                Ok(())
            }
            Fault::Freeze(who) => self.freeze(who, lasts).await,
            Fault::KillBehindFrozenGuard(index) => self.kill_behind_frozen_guard(index, lasts).await,
            Fault::Link(link, harm) => {
                self.links.harm(link, harm);
                if harm != Harm::Cut {
                    sleep(lasts).await;
                    self.links.heal(link);
                }
                Ok(())
            }
            Fault::BrokerKill | Fault::BrokerRestart | Fault::BrokerWipe | Fault::CatalogRestart => {
                self.restart_server(planned.fault, lasts).await
            }
            Fault::QueuePurge(queue) => self.queue(queue, &["contents"]).await,
            Fault::QueueDelete(queue) => self.queue(queue, &[]).await,
            Fault::MemoryAlarm => {
                let command = "set_vm_memory_high_watermark";
                self.alarm([command, "0.00001"], [command, "0.4"], lasts).await
            }
            Fault::DiskAlarm => {
                let command = "set_disk_free_limit";
                self.alarm([command, "1000000GB"], [command, "200MB"], lasts).await
            }
            Fault::CloseConnections => self.control(&["close_all_connections", "fault run"]).await,
            Fault::CatalogBackends => self.terminate_backends().await,
            Fault::FullDisk(server) => self.full_disk(server, lasts).await,
            Fault::ClockJump(who, ahead) => {
                let clock = self.clock(who).context("its clock cannot be made to jump")?;
                clock.set(Some(ahead))?;
                sleep(lasts).await;
                Ok(clock.set(None)?)
            }
        }
    }

    /// As the worker's lock file tells people: `guard PID`.
    fn guard(&self, index: usize) -> anyhow::Result<Pid> {
        let lock = std::fs::read_to_string(self.worker_folder(index).join("lock"))?;
        let digits = lock.lines().find_map(|line| line.strip_prefix("guard "));
        let pid = digits.and_then(|digits| Pid::from_raw(digits.trim().parse().ok()?));
        pid.with_context(|| format!("no guard is named in {lock:?}"))
    }

    async fn pid(&self, who: Who) -> anyhow::Result<Pid> {
        match who {
            Who::Guard(index) => self.guard(index),
            _ => self.supervisor.pid(Self::index(who)).await.with_context(|| format!("{who} is down")),
        }
    }

    async fn freeze(&self, who: Who, lasts: Duration) -> anyhow::Result<()> {
        // One that another fault has killed is back in a while.
        let mut pid = self.pid(who).await;
        for _ in 0..RESTARTS_MAX {
            if pid.is_ok() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
            pid = self.pid(who).await;
        }
        let pid = pid?;
        signal(pid, Signal::STOP);
        sleep(lasts).await;
        signal(pid, Signal::CONT);
        Ok(())
    }

    async fn kill_behind_frozen_guard(&self, index: usize, lasts: Duration) -> anyhow::Result<()> {
        let guard = self.guard(index)?;
        signal(guard, Signal::STOP);
        self.supervisor.kill(Self::index(Who::Worker(index)), Duration::from_millis(200)).await;
        sleep(lasts).await;
        signal(guard, Signal::CONT);
        Ok(())
    }

    async fn restart_server(&self, fault: Fault, lasts: Duration) -> anyhow::Result<()> {
        let mut servers = self.servers.lock().await;
        match fault {
            Fault::BrokerKill => servers.rabbitmq.kill9().await?,
            Fault::BrokerRestart => servers.rabbitmq.stop_in_order().await?,
            Fault::BrokerWipe => servers.rabbitmq.wipe().await?,
            _ => servers.postgres.stop_immediately().await?,
        }
        sleep(lasts).await;
        match fault {
            Fault::CatalogRestart => start(&mut servers, Server::Postgres).await,
            _ => start(&mut servers, Server::RabbitMq).await,
        }
    }

    async fn full_disk(&self, server: Server, lasts: Duration) -> anyhow::Result<()> {
        let place = {
            let servers = self.servers.lock().await;
            let folder = match server {
                Server::RabbitMq => servers.rabbitmq.folder(),
                Server::Postgres => servers.postgres.folder(),
            };
            folder.to_owned()
        };
        disk::fill(&place)?;
        sleep(lasts).await;
        disk::free(&place)?;
        if server == Server::RabbitMq {
            // Its quorum queues answer INTERNAL_ERROR for good after a failed write: it wants to be started anew, as
            // whoever makes room for it would do.
            let mut servers = self.servers.lock().await;
            servers.rabbitmq.kill9().await?;
            return start(&mut servers, server).await;
        }
        self.comes_back(server).await
    }

    /// Waits for a server, and starts it anew if it does not come back by itself.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn comes_back(&self, server: Server) -> anyhow::Result<()> {
        let mut servers = self.servers.lock().await;
        let began = std::time::Instant::now();
        loop {
            let is_up = match server {
                Server::RabbitMq => servers.rabbitmq.is_up().await,
                Server::Postgres => servers.postgres.is_up().await,
            };
            if is_up {
                return Ok(());
            }
            if began.elapsed() > COMES_BACK_MAX {
                return start(&mut servers, server).await;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn alarm(&self, raise: [&str; 2], lower: [&str; 2], lasts: Duration) -> anyhow::Result<()> {
        self.control(&raise).await?;
        sleep(lasts).await;
        self.control(&lower).await
    }

    /// A node that another fault has down is waited for.
    async fn control(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.comes_back(Server::RabbitMq).await?;
        let servers = self.servers.lock().await;
        Ok(servers.rabbitmq.control(arguments).await.map(drop)?)
    }

    async fn terminate_backends(&self) -> anyhow::Result<()> {
        self.comes_back(Server::Postgres).await?;
        let all = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where pid <> pg_backend_pid() and backend_type = 'client backend'";
        let client = trigger::connect(&self.catalog_url).await?;
        client.query(all, &[]).await.context("the back-ends cannot be terminated")?;
        Ok(())
    }

    async fn queue(&self, queue: Queue, more: &[&str]) -> anyhow::Result<()> {
        self.comes_back(Server::RabbitMq).await?;
        let _servers = self.servers.lock().await;
        let mut url: Url = self.management_url.parse()?;
        let path = [&["api", "queues", "/", queue.name()], more].concat();
        url.path_segments_mut().ok().context("an http URL has a path")?.clear().extend(path);
        let http = scaleout_local::plain_http().timeout(Duration::from_secs(15)).build()?;
        let answer = http.request(Method::DELETE, url).send().await?;
        // A queue that is not there has nothing to lose.
        if !answer.status().is_success() && answer.status().as_u16() != 404 {
            bail!("{} {}", answer.status(), answer.text().await?);
        }
        Ok(())
    }
}

/// A full disk, or another fault at the same time, may need more than one try.
async fn start(servers: &mut Servers, server: Server) -> anyhow::Result<()> {
    let mut tried = 0;
    loop {
        let started = match server {
            Server::RabbitMq => servers.rabbitmq.restart().await,
            Server::Postgres => servers.postgres.restart().await,
        };
        tried += 1;
        match started {
            Ok(()) => return Ok(()),
            Err(error) if tried == RESTARTS_MAX => return Err(error.into()),
            Err(_) => sleep(Duration::from_secs(1)).await,
        }
    }
}
