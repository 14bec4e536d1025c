//! One run of `scaleout dev`, from the lock on its folder to the end of the last process. Owns all of them.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use scaleout_local::{Config, LocalError, Servers};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::command;
use super::folder::DataFolder;
use super::parts::Parts;
use super::ready::{Watch, tell};
use super::service::{Died, Running, own_program};
use crate::client::Client;
use crate::commands::{Context, master};
use crate::environment::{DATA_FOLDER, DEV_POSTGRES, ENV_FILE, TOKEN, Target, URL};
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::signals;

/// Deaths that may wait to be told.
const DEATHS_WAITING_MAX: usize = 64;

/// What `scaleout dev` was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) data_dir: PathBuf,
    pub(crate) workers: u16,
    /// 0: any free one.
    pub(crate) port: u16,
    /// Empty: until stopped.
    pub(crate) command: Vec<OsString>,
}

/// Starts everything, keeps it running, and stops it in order.
///
/// # Errors
/// The port or the folder is taken, a server or service cannot be started or ends for good.
pub(crate) async fn run(context: &Context, options: Options) -> Result<Exit, Failure> {
    let stop = signals::stop_token()?;
    let started = Instant::now();
    let folder = DataFolder::open(&options.data_dir)?;
    // Held until the master takes it over, so that a taken port is told before anything is started.
    let listener = master::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port))).await?;
    let listen = listener
        .local_addr()
        .map_err(|error| Failure::failed(format!("cannot tell the port that was chosen: {error}")))?;
    let program = own_program()
        .map_err(|error| Failure::failed(format!("cannot tell which program this is: {error}")))?;
    say("starting PostgreSQL and RabbitMQ …");
    let mut servers = tokio::select! {
        servers = Servers::start(Config::kept(folder.servers())) => servers.map_err(|error| explain(error, &options.data_dir))?,
        () = stop.cancelled() => return Err(interrupted()),
    };
    let result = tokio::select! {
        parts = Parts::prepare(context, &folder, &servers, listen, program) => parts,
        () = stop.cancelled() => Err(interrupted()),
    };
    drop(listener);
    let result = match result {
        Ok(parts) => serve(&folder, &servers, &parts, &options, started, &stop).await,
        Err(failure) => Err(failure),
    };
    servers.stop().await;
    say("stopped");
    result
}

/// From the master's start to the last worker's end.
async fn serve(
    folder: &DataFolder,
    servers: &Servers,
    parts: &Parts,
    options: &Options,
    started: Instant,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let (sender, mut died) = mpsc::channel(DEATHS_WAITING_MAX);
    let mut running = Services { master: parts.master(folder).start(sender.clone()), workers: Vec::new() };
    let result = tokio::select! {
        result = async {
            running.start_workers(folder, parts, options.workers, &mut died, &sender).await?;
            folder.write_env(&environment(parts))?;
            say(&ready_text(folder, parts, options, started));
            until_over(parts, options, &mut died, stop).await
        } => result,
        error = servers.failure() => Err(explain(error, &options.data_dir)),
        () = stop.cancelled(), if options.command.is_empty() => Ok(Exit::Done),
    };
    // Nobody tells of deaths any more: what ends now has been asked to.
    drop(died);
    running.stop().await;
    result
}

struct Services {
    master: Running,
    workers: Vec<Running>,
}

impl Services {
    async fn start_workers(
        &mut self,
        folder: &DataFolder,
        parts: &Parts,
        count: u16,
        died: &mut mpsc::Receiver<Died>,
        sender: &mpsc::Sender<Died>,
    ) -> Result<(), Failure> {
        let token = SecretString::from(parts.admin_token.clone());
        let client =
            Client::new(Target { url: parts.url.clone(), token: Some(token), ca_file: Default::default() })?;
        let mut watch = Watch::new(&client, died);
        let before = watch.master().await?;
        let names: Vec<String> = (1..=count).map(|number| format!("worker-{number}")).collect();
        self.workers.extend(names.iter().map(|name| parts.worker(folder, name).start(sender.clone())));
        watch.workers(&names, &before).await
    }

    /// Workers first, all at once: the master must be there for what they report.
    async fn stop(self) {
        if !self.workers.is_empty() {
            say("stopping the workers …");
        }
        self.workers.iter().for_each(Running::ask_to_stop);
        for worker in self.workers {
            worker.stop().await;
        }
        say("stopping the master, PostgreSQL and RabbitMQ …");
        self.master.stop().await;
    }
}

/// Tells who died until the command ends, or for ever.
async fn until_over(
    parts: &Parts,
    options: &Options,
    died: &mut mpsc::Receiver<Died>,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let telling = async {
        while let Some(died) = died.recv().await {
            tell(&died);
        }
        std::future::pending().await
    };
    if options.command.is_empty() {
        return telling.await;
    }
    let environment = environment(parts);
    tokio::select! {
        result = command::run(&options.command, &environment, stop) => result,
        result = telling => result,
    }
}

fn environment(parts: &Parts) -> [(&'static str, &str); 3] {
    [(URL, &parts.url), (TOKEN, &parts.admin_token), (DEV_POSTGRES, &parts.work_postgres)]
}

fn ready_text(folder: &DataFolder, parts: &Parts, options: &Options, started: Instant) -> String {
    let workers = if options.workers == 1 { "worker" } else { "workers" };
    let head = format!(
        "ready after {:.1} s: {} with {} {workers}; data and logs in {}",
        started.elapsed().as_secs_f64(),
        parts.url,
        options.workers,
        options.data_dir.display()
    );
    if !options.command.is_empty() {
        return head;
    }
    let mut lines = vec![head + ". In another terminal:"];
    let is_found = options.data_dir.as_os_str() == DATA_FOLDER;
    if !is_found {
        lines.push(format!("  set -a; . {}; set +a", folder.path().join(ENV_FILE).display()));
    }
    lines.push("  scaleout project deploy examples/hello --folder demo".to_owned());
    lines.push("  scaleout enqueue demo/hello/hello --set name=Ada --wait".to_owned());
    lines.push("  scaleout status".to_owned());
    lines.join("\n")
}

fn explain(error: LocalError, data_dir: &Path) -> Failure {
    match error {
        LocalError::OtherVersion { .. } => Failure::unreachable(error.to_string()).hint(format!(
            "`scaleout dev destroy --data-dir {}` removes all of it: catalog, queues, logs",
            data_dir.display()
        )),
        LocalError::FolderHeld { .. } | LocalError::PortTaken { .. } => Failure::failed(error.to_string()),
        error => Failure::unreachable(error.to_string()),
    }
}

fn interrupted() -> Failure {
    Failure::interrupted("stopped before it was ready")
}

#[cfg(test)]
mod tests {
    use scaleout_local::Server;

    use super::*;

    #[test]
    fn data_of_another_version_comes_with_the_way_out() {
        let error = LocalError::OtherVersion {
            server: Server::Postgres,
            folder: "try/servers".into(),
            found: "14".into(),
            installed: "15".into(),
        };
        let failure = explain(error, Path::new("try"));
        assert!(failure.message.contains("version 14"), "{}", failure.message);
        assert!(failure.hint.unwrap().contains("`scaleout dev destroy --data-dir try`"));
    }
}
