//! The commands: one file per noun, each with its arguments and what it does. They talk to a master over HTTP, to
//! the catalog, or start a service; they decide nothing that a service should decide.

pub(crate) mod batch;
pub(crate) mod catalog;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dev;
pub(crate) mod enqueue;
pub(crate) mod execution;
mod follow;
pub(crate) mod master;
pub(crate) mod package;
mod package_run;
pub(crate) mod project;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod worker;

use crate::arguments::{Arguments, Command, Global};
use crate::client::Client;
use crate::environment;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::settings::{self, Loaded};

/// What every command has at hand.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) output: Output,
}

/// Does what the arguments ask for.
pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let Arguments { global, command } = arguments;
    let context = Context { output: Output { format: global.format }, global };
    match command {
        Command::Dev(arguments) => dev::run(&context, arguments).await,
        Command::Enqueue(arguments) => enqueue::run(&context, arguments).await,
        Command::Batch(arguments) => batch::run(&context, arguments).await,
        Command::Execution(arguments) => execution::run(&context, arguments).await,
        Command::Project(arguments) => project::run(&context, arguments).await,
        Command::Package(arguments) => package::run(&context, arguments).await,
        Command::Worker(arguments) => worker::run(&context, arguments).await,
        Command::Status(arguments) => status::run(&context, arguments).await,
        Command::Master(arguments) => master::run(&context, arguments).await,
        Command::Catalog(arguments) => catalog::run(&context, arguments).await,
        Command::Token(arguments) => token::run(&context, arguments).await,
        Command::Config(arguments) => config::run(&context, arguments),
        Command::Completions(arguments) => completions::run(&context, arguments),
    }
}

impl Context {
    /// All layers of the settings, `flags` on top.
    pub(crate) fn settings(&self, flags: &[(&str, String)]) -> Result<Loaded, Failure> {
        // A variable that is not UTF-8 cannot be a setting of ours.
        let variables = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        settings::load(self.global.settings.as_deref(), variables, flags)
    }

    /// The master that flags, environment, settings or an env file name.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let here = std::env::current_dir()
            .map_err(|error| Failure::failed(format!("cannot tell the current folder: {error}")))?;
        let loaded = self.settings(&[])?;
        let (url, token) = (self.global.url.as_deref(), self.global.token.as_deref());
        Client::new(environment::target(url, token, &loaded, &here)?)
    }
}
