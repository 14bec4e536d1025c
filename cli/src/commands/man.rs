//! `scaleout man`: the manual pages, one for each command, made of what `--help` says.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use super::Context;
use crate::arguments::Arguments;
use crate::exit::{Exit, Failure};
use crate::output::say;

/// Writes the manual pages, one for each command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scaleout man --out man1
  man -l man1/scaleout-worker-run.1")]
pub(crate) struct Man {
    /// The folder to write them to; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(crate) fn run(_context: &Context, arguments: Man) -> Result<Exit, Failure> {
    let folder = arguments.out;
    let cannot =
        |error| Failure::failed(format!("cannot write manual pages to {}: {error}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(cannot)?;
    clap_mangen::generate_to(Arguments::command(), &folder).map_err(cannot)?;
    say(&format!("the manual pages are in {}", folder.display()));
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_has_a_page_with_its_options() {
        let folder = tempfile::tempdir().unwrap();
        clap_mangen::generate_to(
            <crate::arguments::Arguments as clap::CommandFactory>::command(),
            folder.path(),
        )
        .unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("scaleout.1").contains("scaleout\\-enqueue(1)"));
        let page = read("scaleout-worker-run.1");
        assert!(page.contains("\\-\\-capacity") && page.contains("worker.capacity"), "{page}");
        assert!(!page.contains("end\\-with\\-parent"), "hidden options stay hidden: {page}");
    }
}
