//! The client of a task: certificates are always checked, no proxy is asked, and no connection is kept for others.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use scaleout_package::model::HttpTask;
use scaleout_package::scope::Scope;
use scaleout_tls::{Trust, certificates_of, client_config};

use super::super::context::Context;
use super::request::render;
use crate::accounts::blocking_as;

/// Largest file of authorities, in bytes.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// A client that trusts whom the task trusts; `is_secure` says whether it may come to that.
///
/// # Errors
/// The file of authorities cannot be used, or this machine trusts nobody.
pub(super) async fn client(
    context: &Context<'_>,
    scope: &Scope,
    task: &HttpTask,
    connect_timeout: Duration,
    is_secure: bool,
) -> Result<Client, String> {
    if !is_secure {
        return build(&Trust::Only(Vec::new()), connect_timeout);
    }
    let Some(file) = &task.ca_file else {
        // To read all the machine's authorities takes a while, and loops send many requests.
        let known = &context.host.http;
        if let Some((_, client)) = known.get().filter(|(timeout, _)| *timeout == connect_timeout) {
            return Ok(client.clone());
        }
        let building = tokio::task::spawn_blocking(move || build(&Trust::System, connect_timeout));
        let client = building.await.map_err(|error| format!("cannot set up TLS: {error}"))??;
        // Another task may have been first, with another timeout; then this one is not kept.
        let _ = known.set((connect_timeout, client.clone()));
        return Ok(client);
    };
    let path = context.run.package.project_folder.join(render(scope, "ca-file", file)?);
    let account = context.account.as_ref().map(Arc::clone);
    let read = blocking_as(account, move || read(path)).await;
    let pem = read.map_err(|error| format!("cannot read the ca-file: {error}"))??;
    let certificates = certificates_of(&pem).map_err(|reason| format!("cannot use the ca-file: {reason}"))?;
    build(&Trust::Only(certificates), connect_timeout)
}

fn build(trust: &Trust, connect_timeout: Duration) -> Result<Client, String> {
    let tls = client_config(trust).map_err(|error| error.to_string())?;
    // Connections are not kept: no other package, and no other user, gets one that this one has opened.
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let client = client.connect_timeout(connect_timeout).pool_max_idle_per_host(0);
    let client = client.tls_backend_preconfigured(tls).build();
    client.map_err(|error| format!("cannot set up HTTP: {error}"))
}

/// An administrator's file may be a link.
fn read(path: PathBuf) -> Result<Vec<u8>, String> {
    let fail = |reason: String| format!("cannot read the ca-file {}: {reason}", path.display());
    let metadata = std::fs::metadata(&path).map_err(|error| fail(error.to_string()))?;
    if !metadata.is_file() || metadata.len() > CA_BYTES_MAX {
        return Err(fail(format!("it is no plain file of at most {CA_BYTES_MAX} bytes")));
    }
    let mut pem = Vec::new();
    let file = std::fs::File::open(&path).map_err(|error| fail(error.to_string()))?;
    file.take(CA_BYTES_MAX).read_to_end(&mut pem).map_err(|error| fail(error.to_string()))?;
    Ok(pem)
}
