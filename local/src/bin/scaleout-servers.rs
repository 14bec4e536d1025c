//! `scaleout-servers run [--durable] -- COMMAND ARGUMENTS…`: runs a command beside temporary private servers and ends
//! them with it. With `--durable` PostgreSQL waits for the disk, as it must outside tests. Exits with the command's
//! code, or 128 + the signal's number; 2 is wrong usage, 3 that the servers could not be started.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitStatus;
use std::time::Duration;

use scaleout_local::testing::{AMQP_VARIABLE, MANAGEMENT_VARIABLE, POSTGRES_VARIABLE};
use scaleout_local::{Config, LocalError, Servers, keeper};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long an interrupted command may take to end before it is killed.
const COMMAND_GRACE: Duration = Duration::from_secs(10);
const USAGE: &str = "usage: scaleout-servers run [--durable] -- COMMAND [ARGUMENT…]";
const WRONG_USAGE: i32 = 2;
const NO_SERVERS: i32 = 3;

fn main() {
    keeper::run_if_asked();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let code = match arguments.as_slice() {
        [run, dashes, command @ ..] if run == "run" && dashes == "--" && !command.is_empty() => {
            run_beside(command, Config::temporary())
        }
        [run, durable, dashes, command @ ..]
            if run == "run" && durable == "--durable" && dashes == "--" && !command.is_empty() =>
        {
            run_beside(command, Config { fast: false, ..Config::temporary() })
        }
        _ => {
            complain(USAGE);
            WRONG_USAGE
        }
    };
    std::process::exit(code);
}

fn run_beside(command: &[OsString], config: Config) -> i32 {
    // One thread: the command's parent-death signal follows the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            let mut interrupts = Interrupts::listen().map_err(|error| error.to_string())?;
            let code = tokio::select! {
                started = Servers::start(config) => {
                    beside(started.map_err(|error: LocalError| error.to_string())?, command, &mut interrupts).await
                }
                number = interrupts.next() => 128 + number,
            };
            Ok::<i32, String>(code)
        })
    });
    outcome.unwrap_or_else(|error| {
        complain(&error);
        NO_SERVERS
    })
}

async fn beside(mut servers: Servers, command: &[OsString], interrupts: &mut Interrupts) -> i32 {
    let code = match start_command(&servers, command) {
        Ok(mut child) => tokio::select! {
            status = child.wait() => status.map_or(NO_SERVERS, code_of),
            number = interrupts.next() => {
                end_command(&mut child, number).await;
                128 + number
            }
            failure = servers.failure() => {
                complain(&failure.to_string());
                end_command(&mut child, rustix::process::Signal::TERM.as_raw()).await;
                NO_SERVERS
            }
        },
        Err(error) => {
            complain(&format!("cannot start {}: {error}", command[0].display()));
            127
        }
    };
    servers.stop().await;
    code
}

fn start_command(servers: &Servers, command: &[OsString]) -> std::io::Result<Child> {
    let mut child = Command::new(&command[0]);
    child
        .args(&command[1..])
        .env(POSTGRES_VARIABLE, servers.postgres.url("postgres"))
        .env(AMQP_VARIABLE, servers.rabbitmq.url("/"))
        .env(MANAGEMENT_VARIABLE, servers.rabbitmq.management_url());
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec only a plain system call is made.
    unsafe {
        child.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
            Ok(())
        });
    }
    child.spawn()
}

/// Passes the signal on; a command that does not end by it is killed.
async fn end_command(child: &mut Child, number: i32) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    if let (Some(pid), Some(signal)) = (pid, rustix::process::Signal::from_named_raw(number)) {
        // An error says that it has ended meanwhile.
        let _ = rustix::process::kill_process(pid, signal);
    }
    if tokio::time::timeout(COMMAND_GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// As shells tell it.
fn code_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// The signals that end us in good order.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupts {
    fn listen() -> std::io::Result<Interrupts> {
        Ok(Interrupts {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the next one.
    async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hangup.recv() => SignalKind::hangup(),
        };
        kind.as_raw_value()
    }
}

fn complain(text: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "scaleout-servers: {text}");
}
