//! What the services log: to standard error, as text for people or JSON for programs.

use std::io::IsTerminal as _;

use scaleout_common::settings::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

use crate::exit::Failure;

/// Installs the process's one subscriber.
///
/// # Errors
/// `log.filter` is no filter.
pub(crate) fn start(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|error| {
        Failure::usage(format!("setting log.filter is {:?}, which is no filter: {error}", log.filter))
            .hint("use error, warn, info, debug or trace, or a list such as \"info,scaleout_worker=debug\"")
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    installed.map_err(|error| Failure::failed(format!("cannot start logging: {error}")))
}
