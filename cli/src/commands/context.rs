//! What every command has at hand: the global flags, the output, and what the settings make of them.

use crate::arguments::Global;
use crate::client::Client;
use crate::environment;
use crate::exit::Failure;
use crate::output::Output;
use crate::settings::{self, Loaded};

/// What every command has at hand.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) output: Output,
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
        let mut target = environment::target(url, token, &loaded, &here)?;
        if let Some(file) = &self.global.ca_file {
            target.ca_file.clone_from(file);
        }
        Client::new(target)
    }
}
