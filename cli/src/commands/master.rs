//! `scaleout master`: the service that takes requests and keeps the catalog.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use scaleout_common::settings::{Master as MasterSettings, TlsMode};
use serde::Serialize;
use tokio::net::TcpListener;

use super::{Context, catalog};
use crate::exit::{Exit, Failure};
use crate::{logging, signals};

/// The master: takes requests, keeps the catalog, publishes tasks
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout master run --settings /etc/scaleout.toml")]
pub(crate) enum Master {
    /// Runs a master until it is stopped; several share the work
    #[command(after_help = "\
Examples:
  scaleout master run --settings /etc/scaleout.toml
  scaleout master run --listen 127.0.0.1:8392

It needs an up-to-date catalog: see `scaleout catalog migrate`.")]
    Run(Run),
    /// Prints the certificate of the masters' own authority (PEM), for SCALEOUT_CA_FILE
    #[command(after_help = "\
Examples:
  scaleout master authority --settings /etc/scaleout.toml > masters-ca.pem

Works on the catalog directly (setting postgres.url). With `tls = \"auto\"` the first master makes the authority. Its \
certificate is no secret; workers that join get it by themselves.")]
    Authority,
}

/// Settings that have a flag.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Where the HTTP API listens [setting: master.listen]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// End when standard input closes
    #[arg(long, hide = true)]
    end_with_parent: bool,
}

pub(crate) async fn run(context: &Context, arguments: Master) -> Result<Exit, Failure> {
    match arguments {
        Master::Run(flags) => serve(context, flags).await,
        Master::Authority => authority(context).await,
    }
}

async fn authority(context: &Context) -> Result<Exit, Failure> {
    let catalog = catalog::connect(context).await?;
    catalog.check_version().await.map_err(catalog::explain)?;
    let Some(certificate) = catalog.authority_certificate().await.map_err(catalog::explain)? else {
        return Err(Failure::not_found("the masters have no authority of their own yet")
            .hint("a master with `tls = \"auto\"` under [master] makes it when it starts"));
    };
    context.output.one(&Shown { certificate: &certificate }, |shown| shown.certificate.to_owned())?;
    Ok(Exit::Done)
}

/// What `authority` shows.
#[derive(Serialize)]
struct Shown<'a> {
    /// PEM.
    certificate: &'a str,
}

async fn serve(context: &Context, flags: Run) -> Result<Exit, Failure> {
    if flags.end_with_parent {
        signals::end_with_parent();
    }
    let given: Vec<(&str, String)> =
        flags.listen.map(|address| ("master.listen", address.to_string())).into_iter().collect();
    let settings = context.settings(&given)?.settings;
    check_exposure(&settings.master)?;
    let listener = bind(settings.master.listen).await?;
    logging::start(&settings.log)?;
    let stop = signals::stop_token()?;
    scaleout_master::run(settings, listener, stop).await?;
    Ok(Exit::Done)
}

/// Without TLS tokens travel in the clear.
fn check_exposure(master: &MasterSettings) -> Result<(), Failure> {
    if master.listen.ip().is_loopback() || master.insecure || master.tls != TlsMode::Off {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "master.listen is {}, which other machines can reach, and master.tls is off: tokens would travel in the clear",
        master.listen
    ))
    .hint("set `tls = \"auto\"` under [master] (docs/security.md), put a TLS proxy in front and listen on 127.0.0.1, or accept it with `insecure = true`"))
}

/// # Errors
/// The address cannot be listened on: it is taken, or not of this machine.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Failure::failed(format!("cannot listen on {address}: another program does already"))
                .hint("stop that program, or choose another port: `master run --listen 127.0.0.1:PORT`, `dev --port PORT`")
        }
        _ => Failure::failed(format!("cannot listen on {address}: {error}"))
            .hint("choose an address of this machine with --listen or the setting master.listen"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn what_others_can_reach_needs_consent() {
        let check = |listen: &str, insecure: &str| {
            let flags = [("master.listen", listen.to_owned()), ("master.insecure", insecure.to_owned())];
            check_exposure(&settings::load(None, [], &flags).unwrap().settings.master)
        };
        assert!(check("127.0.0.1:8391", "false").is_ok());
        assert!(check("[::1]:8391", "false").is_ok());
        assert!(check("0.0.0.0:8391", "true").is_ok());
        assert!(check("0.0.0.0:8391", "false").unwrap_err().message.contains("0.0.0.0:8391"));
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = holder.local_addr().unwrap();
        let failure = bind(address).await.unwrap_err();
        assert!(failure.message.contains(&address.to_string()), "{}", failure.message);
        assert!(failure.hint.unwrap().contains("--port"));
    }
}
