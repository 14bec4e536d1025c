//! `scaleout worker invite` and `scaleout worker join`: a new machine becomes a worker by one line. Writes the
//! worker's settings; asks the master for everything else.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reqwest::{Method, Url};
use scaleout_common::api::{InviteAnswer, InviteRequest, JoinAnswer, JoinRequest};
use scaleout_common::hex;
use scaleout_common::names::PoolName;
use scaleout_tls::{Invitation, Trust};
use secrecy::SecretString;
use serde::Serialize;

use super::Context;
use crate::client::{Client, Repeat};
use crate::environment::Target;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::say;

/// The names of what is written.
const SETTINGS_FILE: &str = "settings.toml";
const MASTER_CA_FILE: &str = "masters-ca.pem";
const RABBITMQ_CA_FILE: &str = "rabbitmq-ca.pem";

/// Whom to invite.
#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// A master's URL as the new machine reaches it; again for each master. Without it: the one that is asked
    #[arg(long = "to", value_name = "URL")]
    masters: Vec<String>,
    /// A further pool that it serves; again for each
    #[arg(long = "pool", value_name = "POOL")]
    pools: Vec<PoolName>,
    /// How long the invitation is good (1m to 7d)
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = input::duration)]
    valid: Duration,
}

/// Where to live.
#[derive(Debug, Args)]
pub(crate) struct Join {
    /// The worker's data folder; written into its settings
    #[arg(long, value_name = "DIR")]
    data_folder: Option<PathBuf>,
    /// The settings file to write; without it settings.toml in the data folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Shown in lists; the host's name without it
    #[arg(long)]
    name: Option<String>,
    /// Write over what is there
    #[arg(long)]
    force: bool,
}

/// What `invite` shows.
#[derive(Serialize)]
struct Invited {
    token: String,
    expires_at: jiff::Timestamp,
    urls: Vec<String>,
}

/// Makes an invitation.
pub(super) async fn invite(context: &Context, arguments: Invite) -> Result<Exit, Failure> {
    let client = context.client()?;
    let urls = if arguments.masters.is_empty() { client.addresses() } else { arguments.masters };
    for url in &urls {
        check_url(url)?;
    }
    let request = InviteRequest { pools: arguments.pools, valid_s: arguments.valid.as_secs() };
    let answer: InviteAnswer =
        client.send(Method::POST, &["invitations"], &request, Repeat::OnlyUnsent).await?;
    require_tls(&urls, &answer.pins)?;
    let local: Vec<&str> = urls
        .iter()
        .map(String::as_str)
        .chain([answer.rabbitmq.as_str()])
        .filter(|url| is_loopback(url))
        .collect();
    for url in local {
        say(&format!("warning: other machines cannot reach {url}: see docs/security.md, Joining a worker"));
    }
    let token = Invitation { urls: urls.clone(), pins: answer.pins, secret: answer.secret }.text();
    let invited = Invited { token, expires_at: answer.expires_at, urls };
    context.output.one(&invited, |invited| invited.token.clone())?;
    say(&format!(
        "good once, until {}; on the new machine: scaleout worker join --token TOKEN --data-folder DIR",
        answer.expires_at
    ));
    Ok(Exit::Done)
}

fn check_url(url: &str) -> Result<(), Failure> {
    let is_url = Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    match is_url {
        true => Ok(()),
        false => {
            Err(Failure::usage(format!("{url:?} is no master's URL")).hint("give one like https://m1:8391"))
        }
    }
}

/// A pin is looked at in a TLS handshake only: beside one, a URL without TLS would give the secret to whoever listens.
fn require_tls(urls: &[String], pins: &[String]) -> Result<(), Failure> {
    let is_plain = |url: &&String| !url.starts_with("https://");
    match urls.iter().find(is_plain).filter(|_| !pins.is_empty()) {
        None => Ok(()),
        Some(url) => Err(Failure::usage(format!("{url} has no TLS, and the masters are to be known by it"))
            .hint("name all masters by https:// in `scaleout worker invite --to`")),
    }
}

fn is_loopback(url: &str) -> bool {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

/// What `join` did.
#[derive(Serialize)]
struct JoinedShown<'a> {
    settings: &'a Path,
    data_folder: &'a Path,
    token_name: &'a str,
}

/// Makes this machine a worker.
pub(super) async fn join(context: &Context, arguments: Join) -> Result<Exit, Failure> {
    let Some(text) = context.global.token.as_deref() else {
        return Err(Failure::usage("there is no invitation: give it with --token")
            .hint("`scaleout worker invite` makes one, with an admin's token"));
    };
    let invitation = Invitation::read(text).map_err(|error| {
        Failure::usage(error.to_string()).hint("`scaleout worker invite` makes invitations")
    })?;
    let data_folder = match arguments.data_folder {
        Some(folder) => folder,
        None => context.settings(&[])?.settings.worker.data_folder,
    };
    let data_folder = std::path::absolute(&data_folder)
        .map_err(|error| Failure::usage(format!("cannot use {}: {error}", data_folder.display())))?;
    let files = Files::under(arguments.config, &data_folder)?;
    // Before the invitation is used up: it is good only once.
    files.prepare(&data_folder, arguments.force)?;
    let answer = ask(&invitation).await?;
    files.write(&invitation.urls, &data_folder, arguments.name.as_deref(), &answer)?;
    let shown =
        JoinedShown { settings: &files.settings, data_folder: &data_folder, token_name: &answer.name };
    context.output.done(&shown, || {
        format!(
            "this machine is a worker now ({}); start it with: scaleout worker run --settings {}",
            answer.name,
            files.settings.display()
        )
    })?;
    Ok(Exit::Done)
}

/// Asks one master after another; what one refuses is refused.
async fn ask(invitation: &Invitation) -> Result<JoinAnswer, Failure> {
    let pins: Option<Vec<[u8; 32]>> = invitation.pins.iter().map(|pin| hex::parse(pin)).collect();
    let pins = pins.ok_or_else(|| Failure::usage("the invitation holds a pin that is none"))?;
    require_tls(&invitation.urls, &invitation.pins)?;
    let trust = if pins.is_empty() { Trust::System } else { Trust::Pinned(pins) };
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut last = Failure::usage("the invitation names no master");
    for url in &invitation.urls {
        let token = Some(SecretString::from(invitation.secret.clone()));
        let target = Target { url: url.trim_end_matches('/').to_owned(), token, ca_file: PathBuf::new() };
        let client = Client::trusting(target, &trust)?;
        let request = JoinRequest { host: host.clone() };
        match client.send(Method::POST, &["join"], &request, Repeat::OnlyUnsent).await {
            Ok(answer) => return Ok(answer),
            Err(failure) if failure.exit == Exit::Unreachable => last = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(last)
}

/// What is written.
struct Files {
    settings: PathBuf,
    master_ca: PathBuf,
    rabbitmq_ca: PathBuf,
}

impl Files {
    fn under(config: Option<PathBuf>, data_folder: &Path) -> Result<Self, Failure> {
        let settings = config.unwrap_or_else(|| data_folder.join(SETTINGS_FILE));
        let settings = std::path::absolute(&settings)
            .map_err(|error| Failure::usage(format!("cannot use {}: {error}", settings.display())))?;
        let beside = |name: &str| settings.with_file_name(name);
        Ok(Self { master_ca: beside(MASTER_CA_FILE), rabbitmq_ca: beside(RABBITMQ_CA_FILE), settings })
    }

    /// Makes the folders, and sees that nothing is there and something can be.
    fn prepare(&self, data_folder: &Path, force: bool) -> Result<(), Failure> {
        for folder in self.settings.parent().into_iter().chain([data_folder]) {
            // Whom packages run as may pass through it, and not look.
            let made = DirBuilder::new().recursive(true).mode(0o711).create(folder);
            made.map_err(|error| cannot("make", folder, &error))?;
        }
        for file in [&self.settings, &self.master_ca, &self.rabbitmq_ca] {
            if file.exists() && !force {
                return Err(Failure::usage(format!("{} is there already", file.display()))
                    .hint("this machine has joined before; --force writes over it"));
            }
        }
        let probe = self.settings.with_extension(format!("join-{}", std::process::id()));
        write_private(&probe, "")?;
        fs::remove_file(&probe).map_err(|error| cannot("remove", &probe, &error))
    }

    fn write(
        &self,
        urls: &[String],
        data_folder: &Path,
        name: Option<&str>,
        answer: &JoinAnswer,
    ) -> Result<(), Failure> {
        let ca = |file: &Path, pem: &str| match pem {
            "" => Ok(String::new()),
            pem => write_private(file, pem).map(|()| file.display().to_string()),
        };
        let master_ca = ca(&self.master_ca, &answer.master_ca)?;
        let rabbitmq_ca = ca(&self.rabbitmq_ca, &answer.rabbitmq_ca)?;
        let pools: Vec<&str> = answer.pools.iter().map(PoolName::as_str).collect();
        let text = format!(
            "# Written by `scaleout worker join`. It holds secrets.\n\n[worker]\ndata_folder = {}\nmaster_urls = {}\n\
             token = {}\nca_file = {}\nname = {}\npools = {}\n\n[rabbitmq]\nurl = {}\nca_file = {}\n",
            toml(&data_folder.display().to_string())?,
            toml(urls)?,
            toml(&answer.token)?,
            toml(&master_ca)?,
            toml(name.unwrap_or_default())?,
            toml(&pools)?,
            toml(&answer.rabbitmq_url)?,
            toml(&rabbitmq_ca)?,
        );
        write_private(&self.settings, &text)
    }
}

/// Strings and lists of them look in TOML as in JSON.
fn toml<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::failed(format!("cannot write the settings: {error}")))
}

/// A new file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(cannot("remove", path, &error));
        }
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| cannot("make", path, &error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| cannot("write", path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_masters_are_pinned_no_url_goes_without_tls() {
        let urls = |all: &[&str]| all.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>();
        let pins = urls(&["ab"]);
        assert!(require_tls(&urls(&["https://a:1", "https://b:1"]), &pins).is_ok());
        assert!(require_tls(&urls(&["http://a:1"]), &[]).is_ok());
        assert!(require_tls(&urls(&["https://a:1", "http://b:1"]), &pins).is_err());
    }
}
