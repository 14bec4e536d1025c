//! `scaleout completions`: what shells need to complete commands.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Context;
use crate::arguments::Arguments;
use crate::exit::{Exit, Failure};

/// Prints completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scaleout completions bash > ~/.local/share/bash-completion/completions/scaleout
  scaleout completions zsh > ~/.zfunc/_scaleout
  scaleout completions fish > ~/.config/fish/completions/scaleout.fish")]
pub(crate) struct Completions {
    shell: Shell,
}

pub(crate) fn run(context: &Context, arguments: Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "scaleout", &mut script);
    context.output.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
