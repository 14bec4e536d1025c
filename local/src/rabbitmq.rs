//! The private RabbitMQ: one node with the management and Prometheus plugins, and the Erlang port mapper
//! that it needs. Owns `<folder>/rabbitmq`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{Config, Keep};
use crate::error::{LocalError, Server};
use crate::first_boot;
use crate::folder::{self, Saved};
use crate::keeper::{Keeper, Process, Run, Signal, Who};
use crate::log_file::log_end;
use crate::management::{Management, encode};
use crate::ports::Chosen;
use crate::programs::{RabbitMqPrograms, rabbitmq_series};
use crate::user::{self, User};

/// A boot takes 5 s on two cores; one with a large backlog to recover takes longer.
const READY_WAIT_MAX: Duration = Duration::from_secs(120);
const READY_POLL: Duration = Duration::from_millis(50);
/// An answer on loopback takes less than this, or the node is not ready.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(5);
/// `rabbitmqctl` starts an Erlang of its own.
const CONTROL_WAIT_MAX: Duration = Duration::from_secs(60);
/// 3.10 needs 6 s, of which it spends 5 waiting for a process of its own that is gone already.
const STOP_GRACE_MS: u64 = 15_000;
/// Publishing is blocked below this: small, for the folder's disk is not the broker's alone.
const DISK_FREE_LIMIT: &str = "200MB";
const CRASH_DUMP_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Fixed, for it is part of the data; with a port mapper of its own it needs not be unique.
const NODE_NAME: &str = "scaleout@localhost";
const PORT_MAPPER: &str = "epmd";
const USER: &str = "scaleout";
const FOLDER: &str = "rabbitmq";
/// Who runs it when root asks.
const SYSTEM_USER: &str = "rabbitmq";

/// A running private RabbitMQ.
pub struct RabbitMq {
    /// AMQP, on 127.0.0.1.
    pub amqp_port: u16,
    /// The management plugin's HTTP, on 127.0.0.1.
    pub management_port: u16,
    /// The Prometheus plugin's HTTP, on 127.0.0.1.
    pub prometheus_port: u16,
    /// An administrator, and the only user.
    pub user: String,
    /// Its password.
    pub password: String,
    keeper: Arc<Keeper>,
    management: Management,
    process: Process,
    pub(crate) run: Run,
    pub(crate) epmd: Run,
}

impl RabbitMq {
    /// Where to connect to one of its virtual hosts.
    pub fn url(&self, vhost: &str) -> String {
        format!("amqp://{}:{}@127.0.0.1:{}/{}", self.user, self.password, self.amqp_port, encode(vhost))
    }

    /// The management plugin, with user and password; no slash at the end.
    pub fn management_url(&self) -> String {
        format!("http://{}:{}@127.0.0.1:{}", self.user, self.password, self.management_port)
    }

    /// Makes a virtual host on which the user may do everything; one that is there stays as it is.
    ///
    /// # Errors
    /// [`LocalError::Request`] when the node refuses or cannot be reached.
    pub async fn create_vhost(&self, name: &str) -> Result<(), LocalError> {
        self.management.create_vhost(name).await
    }

    /// The names of its virtual hosts.
    ///
    /// # Errors
    /// [`LocalError::Request`] when the node refuses or cannot be reached.
    pub async fn vhosts(&self) -> Result<Vec<String>, LocalError> {
        self.management.vhosts().await
    }

    /// SIGKILL for the node and all its processes, as in a crash.
    ///
    /// # Errors
    /// [`LocalError::Keeper`] when the keeper is gone.
    pub async fn kill9(&mut self) -> Result<(), LocalError> {
        self.keeper.kill(self.run).await.map(drop)
    }

    /// Stops the node in good order; does nothing when it has ended.
    ///
    /// # Errors
    /// [`LocalError::Keeper`] when the keeper is gone.
    pub async fn stop(&mut self) -> Result<(), LocalError> {
        self.keeper.stop(self.run).await.map(drop)
    }

    /// Stops the node in good order also when its data is not to stay.
    ///
    /// # Errors
    /// [`LocalError::Keeper`] when the keeper is gone.
    pub async fn stop_in_order(&mut self) -> Result<(), LocalError> {
        let grace = Duration::from_millis(STOP_GRACE_MS);
        self.keeper.end_by(self.run, Signal::Terminate, grace).await.map(drop)
    }

    /// Kills the node and removes all that it has ever kept: the next start is its first. Every virtual host but `/`
    /// is gone then.
    ///
    /// # Errors
    /// [`LocalError::Keeper`] when the keeper is gone, or files.
    pub async fn wipe(&mut self) -> Result<(), LocalError> {
        self.kill9().await?;
        first_boot::begin_anew(self.folder())
    }

    /// Whether it answers on all its ports.
    pub async fn is_up(&self) -> bool {
        self.probe().await.is_ok()
    }

    /// Its own folder, which holds its data.
    pub fn folder(&self) -> &Path {
        &self.process.folder
    }

    /// Runs `rabbitmqctl` against the node and gives what it printed.
    ///
    /// # Errors
    /// [`LocalError::Request`] when it cannot be run, or the node refuses.
    pub async fn control(&self, arguments: &[&str]) -> Result<String, LocalError> {
        let doing = format!("rabbitmqctl {}", arguments.join(" "));
        let failed =
            |found: String| LocalError::Request { server: Server::RabbitMq, doing: doing.clone(), found };
        let mut command = tokio::process::Command::new(self.process.program.with_file_name("rabbitmqctl"));
        command.args(arguments).env_clear().envs(self.process.environment.iter().cloned());
        command.current_dir(self.folder()).kill_on_drop(true);
        if let Some(who) = self.process.who {
            command.uid(who.uid).gid(who.gid);
        }
        let output = tokio::time::timeout(CONTROL_WAIT_MAX, command.output()).await;
        let output = output.map_err(|_| failed("it did not end".to_owned()))?;
        let output = output.map_err(|error| failed(error.to_string()))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(said(&output.stdout)),
            false => Err(failed(said(&output.stderr))),
        }
    }

    /// Stops the node if it runs, starts it on the same ports, and waits until it is ready.
    ///
    /// # Errors
    /// As when servers start.
    pub async fn restart(&mut self) -> Result<(), LocalError> {
        self.stop().await?;
        first_boot::prepare(self.folder())?;
        self.run = self.keeper.run(self.process.clone()).await?;
        self.wait_until_ready().await
    }

    pub(crate) fn ended(&self, run: Run, how: &str) -> LocalError {
        let process = if run == self.epmd { PORT_MAPPER } else { &self.process.name };
        LocalError::Ended {
            server: Server::RabbitMq,
            process: process.to_owned(),
            how: how.to_owned(),
            log: log_end(&self.process.log.with_file_name(format!("{process}.log"))),
        }
    }

    async fn wait_until_ready(&self) -> Result<(), LocalError> {
        let deadline = Instant::now() + READY_WAIT_MAX;
        loop {
            let reason = match self.probe().await {
                Ok(()) => return first_boot::ended(self.folder()),
                Err(reason) => reason,
            };
            if Instant::now() >= deadline {
                return Err(LocalError::NotReady {
                    server: Server::RabbitMq,
                    waited_s: READY_WAIT_MAX.as_secs(),
                    reason,
                    log: log_end(&self.process.log),
                });
            }
            if let Ok(ended) = tokio::time::timeout(READY_POLL, self.keeper.ended(self.run)).await {
                return Err(self.ended(self.run, &ended?.how));
            }
        }
    }

    /// All three listeners: the node answers AMQP, takes our password, and has its metrics up.
    async fn probe(&self) -> Result<(), String> {
        let all = async {
            speak_amqp(self.amqp_port).await.map_err(|error| format!("AMQP: {error}"))?;
            self.management.check().await.map_err(|error| error.to_string())?;
            let metrics = TcpStream::connect(("127.0.0.1", self.prometheus_port)).await;
            metrics.map(drop).map_err(|error| format!("Prometheus: {error}"))
        };
        tokio::time::timeout(PROBE_WAIT_MAX, all).await.map_err(|_| "no answer".to_owned())?
    }
}

/// Says the protocol header; a server that is ready answers with a method frame (type 1).
async fn speak_amqp(port: u16) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"AMQP\0\0\x09\x01").await?;
    match stream.read_u8().await? {
        1 => Ok(()),
        other => Err(std::io::Error::other(format!("answered with byte {other}"))),
    }
}

/// What a start needs to know.
pub(crate) struct Plan {
    home: PathBuf,
    logs: PathBuf,
    programs: RabbitMqPrograms,
    user: Option<User>,
    ports: Chosen,
    password: String,
    /// The data is thrown away at the end, so it needs no orderly one.
    discard: bool,
}

/// Who runs it, with its data under `place`.
pub(crate) fn user(place: &Path) -> Result<Option<User>, LocalError> {
    user::for_server(SYSTEM_USER, &place.join(FOLDER).join("data"))
}

/// Checks version and user, empties what a killed first boot left, and writes the configuration. Starts nothing.
///
/// # Errors
/// [`LocalError::OtherVersion`], or files.
pub(crate) fn plan(
    config: &Config,
    place: &Path,
    programs: RabbitMqPrograms,
    ports: Chosen,
    saved: &Saved,
) -> Result<Plan, LocalError> {
    let home = place.join(FOLDER);
    let user = user(place)?;
    for folder in ["", "data", "home"] {
        user::make_folder(&home.join(folder), user.as_ref())?;
    }
    if !first_boot::prepare(&home)? {
        check_version(&config.folder, saved.rabbitmq_version.as_deref(), &programs.version)?;
    }
    let write = |name: &str, text: &str| user::write_private(&home.join(name), text, user.as_ref());
    write("rabbitmq.conf", &configuration(&ports, &saved.rabbitmq_password))?;
    write("enabled_plugins", "[rabbitmq_management,rabbitmq_prometheus].\n")?;
    // Named to the script, so that it does not read the machine's own.
    write("rabbitmq-env.conf", "")?;
    write("home/.erlang.cookie", &saved.erlang_cookie)?;
    let discard = config.keep == Keep::Temporary;
    let logs = folder::logs(&config.folder);
    Ok(Plan { home, logs, programs, user, ports, password: saved.rabbitmq_password.clone(), discard })
}

/// Starts the port mapper and the node, and waits until it is ready.
pub(crate) async fn start(plan: Plan, keeper: Arc<Keeper>) -> Result<RabbitMq, LocalError> {
    let epmd = keeper.run(port_mapper(&plan)).await?;
    let process = node(&plan);
    let run = keeper.run(process.clone()).await?;
    let rabbitmq = RabbitMq {
        amqp_port: plan.ports.amqp,
        management_port: plan.ports.management,
        prometheus_port: plan.ports.prometheus,
        user: USER.to_owned(),
        management: Management::new(plan.ports.management, USER, &plan.password)?,
        password: plan.password,
        keeper,
        process,
        run,
        epmd,
    };
    rabbitmq.wait_until_ready().await?;
    Ok(rabbitmq)
}

/// Patch releases go on with each other's data; for others there is an upgrade path, but no way back.
fn check_version(folder: &Path, wrote: Option<&str>, installed: &str) -> Result<(), LocalError> {
    match wrote {
        Some(wrote) if rabbitmq_series(wrote) != rabbitmq_series(installed) => {
            Err(LocalError::OtherVersion {
                server: Server::RabbitMq,
                folder: folder.to_owned(),
                found: wrote.to_owned(),
                installed: installed.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

/// User and password count only when the data is new; there is never a guest then. The log goes to standard
/// output, which the keeper writes to a bounded file.
fn configuration(ports: &Chosen, password: &str) -> String {
    let Chosen { amqp, management, prometheus, .. } = ports;
    format!(
        "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {management}\n\
         prometheus.tcp.ip = 127.0.0.1\n\
         prometheus.tcp.port = {prometheus}\n\
         default_user = {USER}\n\
         default_pass = {password}\n\
         default_user_tags.administrator = true\n\
         disk_free_limit.absolute = {DISK_FREE_LIMIT}\n\
         log.console = true\n\
         log.console.level = info\n\
         log.file = false\n"
    )
}

/// In the foreground, so that its pid is ours; left to Erlang it would outlive everything.
fn port_mapper(plan: &Plan) -> Process {
    let program = &plan.programs.epmd;
    let mut process = base(plan, PORT_MAPPER, program.clone());
    process.grace_ms = 0;
    if takes_sockets(program) {
        process.program = PathBuf::from("/bin/sh");
        process.arguments = vec!["-c".to_owned(), HAND_OVER.to_owned(), program.display().to_string()];
        process.listens = Some(plan.ports.epmd);
    } else {
        let port = plan.ports.epmd.to_string();
        process.arguments = ["-address", "127.0.0.1", "-port", &port].map(str::to_owned).into();
    }
    process
}

/// Told an address, epmd listens on it and also on ::1; handed a socket, it uses only that. It then wants
/// systemd's protocol: the socket is descriptor 3, and the receiver's pid is in the environment.
const HAND_OVER: &str = r#"exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" -systemd"#;

fn takes_sockets(epmd: &Path) -> bool {
    let library = b"libsystemd.so";
    std::fs::read(epmd).is_ok_and(|bytes| bytes.windows(library.len()).any(|window| window == library))
}

fn node(plan: &Plan) -> Process {
    let mut process = base(plan, "rabbitmq", plan.programs.server.clone());
    let within = |name: &str| plan.home.join(name).display().to_string();
    let own = [
        ("RABBITMQ_NODENAME", NODE_NAME.to_owned()),
        ("RABBITMQ_DIST_PORT", plan.ports.distribution.to_string()),
        ("RABBITMQ_MNESIA_BASE", within("data")),
        ("RABBITMQ_MNESIA_DIR", within("data/node")),
        ("RABBITMQ_LOG_BASE", within("data")),
        ("RABBITMQ_LOGS", "-".to_owned()),
        ("RABBITMQ_PID_FILE", within("data/node.pid")),
        ("RABBITMQ_CONF_ENV_FILE", within("rabbitmq-env.conf")),
        ("RABBITMQ_CONFIG_FILE", within("rabbitmq.conf")),
        ("RABBITMQ_CONFIG_FILES", within("conf.d")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", within("advanced.config")),
        ("RABBITMQ_GENERATED_CONFIG_DIR", within("data/config")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", within("enabled_plugins")),
        // The script then becomes the node instead of standing between it and us.
        ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
        ("ERL_CRASH_DUMP", within("data/erl_crash.dump")),
        ("ERL_CRASH_DUMP_BYTES", CRASH_DUMP_BYTES_MAX.to_string()),
    ];
    process.environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
    process
}

fn base(plan: &Plan, name: &str, program: PathBuf) -> Process {
    let environment = [
        ("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", plan.programs.erlang.display())),
        ("HOME", plan.home.join("home").display().to_string()),
        ("LC_ALL", if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" }.to_owned()),
        ("ERL_EPMD_PORT", plan.ports.epmd.to_string()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
        // For every Erlang in the tree, the short-lived ones that a boot starts included: their
        // distribution would listen on all addresses.
        ("ERL_AFLAGS", "-kernel inet_dist_use_interface {127,0,0,1}".to_owned()),
    ];
    Process {
        name: name.to_owned(),
        program,
        arguments: Vec::new(),
        environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
        folder: plan.home.clone(),
        listens: None,
        log: plan.logs.join(format!("{name}.log")),
        who: plan.user.as_ref().map(|user| Who { uid: user.uid, gid: user.gid }),
        stop: Signal::Terminate,
        grace_ms: if plan.discard { 0 } else { STOP_GRACE_MS },
        orphaned: Signal::Kill,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_another_series_is_refused_with_the_way_out() {
        let check = |wrote| check_version(Path::new("/folder"), wrote, "3.10.8");
        assert!(check(None).is_ok() && check(Some("3.10.1")).is_ok());
        let error = check(Some("4.1.0")).unwrap_err().to_string();
        assert!(error.contains("4.1.0") && error.contains("3.10.8") && error.contains("remove the data"));
    }
}
