//! What the command line accepts. Each noun's own arguments are in its file under `commands/`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    audit, batch, bench, broker, catalog, completions, config, dev, enqueue, execution, limit, man, master,
    package, project, schedule, status, token, worker,
};
use crate::output::Format;

/// Runs packages on as many machines as you have.
#[derive(Debug, Parser)]
#[command(
    name = "scaleout",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 120,
    subcommand_required = true,
    after_help = "\
Examples:
  scaleout dev --workers 3
  scaleout project deploy examples/hello --folder demo
  scaleout enqueue demo/hello/hello --set name=Ada --wait
  scaleout status

Exit codes: 0 done, 1 an execution did not succeed or a service failed (port in use, data folder held), 2 wrong usage or input, 3 a service cannot be reached, \
4 not allowed, 5 not found, 130 interrupted."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command accepts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// How data is printed
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "table|json"
    )]
    pub(crate) format: Format,
    /// Settings file (TOML) on top of the defaults; see `scaleout config show`
    #[arg(long, global = true, env = "SCALEOUT_SETTINGS", value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// The master's HTTP API, or several with commas between them: the next is asked when one does not answer; without
    /// it .scaleout/env is looked for here and upwards
    #[arg(long, global = true, env = "SCALEOUT_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The token to show the master (better: the variable, which other users cannot see)
    #[arg(long, global = true, env = "SCALEOUT_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// The authorities to trust when the URL begins with https:// (PEM) [setting: api.ca_file]
    #[arg(long, global = true, env = "SCALEOUT_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// Nouns, and the verbs that have none.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(dev::Dev),
    Enqueue(enqueue::Enqueue),
    #[command(subcommand)]
    Batch(batch::Batch),
    #[command(subcommand)]
    Execution(execution::Execution),
    #[command(subcommand)]
    Project(project::Project),
    #[command(subcommand)]
    Package(package::Package),
    #[command(subcommand)]
    Limit(limit::Limit),
    #[command(subcommand)]
    Schedule(schedule::Schedule),
    #[command(subcommand)]
    Worker(worker::Worker),
    Status(status::Status),
    Bench(bench::Bench),
    #[command(subcommand)]
    Broker(broker::Broker),
    #[command(subcommand)]
    Master(master::Master),
    #[command(subcommand)]
    Catalog(catalog::Catalog),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example_of_itself() {
        fn check(command: &clap::Command, path: &str) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(command.get_about().is_some(), "{path} says nothing about itself");
            assert!(help.contains(&format!("  {path}")), "{path} has no example of itself:\n{help}");
            for inner in command.get_subcommands() {
                check(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        check(&Arguments::command(), "scaleout");
    }

    /// What the shell would make of it: single quotes hold words together.
    fn words(example: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        for (index, part) in example.split('\'').enumerate() {
            let is_quoted = index % 2 == 1;
            for (index, word) in part.split(|c: char| c == ' ' && !is_quoted).enumerate() {
                match words.last_mut() {
                    Some(last) if index == 0 => last.push_str(word),
                    _ => words.push(word.to_owned()),
                }
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_example_parses() {
        fn collect(command: &clap::Command, found: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            found.extend(help.lines().filter(|line| line.starts_with("  scaleout ")).map(|line| {
                let end = line.find(['|', '>', '#']).unwrap_or(line.len());
                line[..end].trim().to_owned()
            }));
            command.get_subcommands().for_each(|inner| collect(inner, found));
        }
        let mut examples = Vec::new();
        collect(&Arguments::command(), &mut examples);
        assert!(examples.len() > 30, "{}", examples.len());
        for example in examples {
            let words = words(&example);
            if let Err(error) = Arguments::try_parse_from(words) {
                panic!("{example}: {error}");
            }
        }
    }
}
