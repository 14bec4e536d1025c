//! Owns standard output: data, as tables for people or JSON for programs. Everything else goes to standard
//! error through [`say`]. A reader that goes away (`| head`) ends the command quietly.

use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;

use crate::exit::Failure;

/// What standard output looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tables for people; times local, with offset.
    #[default]
    Table,
    /// For programs: one document, or for lists and streams one object per line; times in UTC.
    Json,
}

/// Where a command puts its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
}

impl Output {
    /// One thing: a JSON document on one line, or what `table` makes of it.
    pub(crate) fn one<T: Serialize>(
        &self,
        value: &T,
        table: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.text(&json_line(value)?),
            Format::Table => self.text(&table(value)),
        }
    }

    /// Something that was done and has no data: a JSON document, or a line for people on standard error.
    pub(crate) fn done<T: Serialize>(&self, value: &T, line: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.text(&json_line(value)?),
            Format::Table => {
                say(&line());
                Ok(())
            }
        }
    }

    /// A list: one JSON object per line, or what `table` makes of the whole.
    pub(crate) fn many<T: Serialize>(
        &self,
        values: &[T],
        table: impl FnOnce(&[T]) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => {
                let lines: Vec<String> = values.iter().map(json_line).collect::<Result<_, _>>()?;
                self.text(&lines.concat())
            }
            Format::Table => self.text(&table(values)),
        }
    }

    /// Text as it is; a newline is added if it has none at its end.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.write_all(newline.as_bytes()))
            .and_then(|()| stdout.flush())
            .map_err(|error| match error.kind() {
                ErrorKind::BrokenPipe => Failure::nobody_reads(),
                _ => Failure::failed(format!("cannot write to standard output: {error}")),
            })
    }
}

/// A line for people on standard error. Nobody can be told that it cannot be written.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn json_line<T: Serialize>(value: &T) -> Result<String, Failure> {
    let line = serde_json::to_string(value);
    line.map(|line| line + "\n").map_err(|error| Failure::failed(format!("cannot write JSON: {error}")))
}
