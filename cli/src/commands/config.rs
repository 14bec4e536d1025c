//! `scaleout config`: the settings as they are in effect.

use clap::Subcommand;
use scaleout_common::settings::DEFAULT_TOML;

use super::Context;
use crate::exit::{Exit, Failure};
use crate::tables;

/// The settings in effect
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout config show
  scaleout config default > scaleout.toml")]
pub(crate) enum Config {
    /// Lists every setting with its value and where that comes from; secrets are masked
    #[command(after_help = "\
Examples:
  scaleout config show
  scaleout config show --settings /etc/scaleout.toml --format json

Layers, later ones win: the defaults, the settings file, SCALEOUT__SECTION__KEY from the environment, flags.")]
    Show,
    /// Prints the defaults as a commented file to start from
    #[command(after_help = "\
Examples:
  scaleout config default > scaleout.toml")]
    Default,
}

pub(crate) fn run(context: &Context, arguments: Config) -> Result<Exit, Failure> {
    match arguments {
        Config::Show => {
            let shown = context.settings(&[])?.shown();
            context.output.many(&shown, |shown| {
                let rows = shown
                    .iter()
                    .map(|line| vec![line.setting.clone(), line.value.to_string(), line.source.clone()]);
                tables::plain(&["SETTING", "VALUE", "FROM"], rows)
            })?;
        }
        Config::Default => context.output.text(DEFAULT_TOML)?,
    }
    Ok(Exit::Done)
}
