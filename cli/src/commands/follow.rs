//! `scaleout execution logs`: prints a log, and goes on as it grows. It is followed as a stream; at a master of an
//! earlier version, which has none, by asking again and again from a cursor, keeping what was printed behind it.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use scaleout_common::api::{ExecutionDetail, LogMessage, LogPage, PAGE_MAX};
use scaleout_common::ids::{Attempt, ExecutionId};
use tokio::time::Instant;

use super::{Context, log_stream};
use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::tables::{self, View};

/// How often a growing log is asked for more.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long messages of an execution that has ended may still be on their way.
const LATE_MAX: Duration = Duration::from_secs(2);

/// Which log, and how.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Of the execution, as `enqueue` and `execution list` show it
    id: ExecutionId,
    /// Go on until the execution has ended
    #[arg(long)]
    follow: bool,
    /// Only messages of these types: stdout, stderr, information, warning, error, …
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only the texts, without time, type and path
    #[arg(long)]
    plain: bool,
}

pub(super) async fn run(context: &Context, client: &Client, wanted: &Logs) -> Result<Exit, Failure> {
    let printing = async {
        match wanted.follow {
            true => follow(context, client, wanted).await,
            false => print(context, client, wanted).await,
        }
    };
    tokio::select! {
        result = printing => result,
        _ = tokio::signal::ctrl_c() => Err(Failure::interrupted("stopped following; the execution goes on")
            .hint(format!("stop it with `scaleout execution cancel {}`", wanted.id))),
    }
}

async fn follow(context: &Context, client: &Client, wanted: &Logs) -> Result<Exit, Failure> {
    let print_all = |messages: &[LogMessage]| show(context, wanted, messages);
    if !log_stream::follow(client, wanted.id, print_all).await? {
        say(&format!(
            "the master at {} is of an earlier version and cannot stream: its log is asked for again and again",
            client.here()
        ));
        print(context, client, wanted).await?;
    }
    // Beside the log and not in it: standard output is the log's.
    let execution: ExecutionDetail = client.get(&["executions", &wanted.id.to_string()], &[]).await?;
    let outcome = tables::outcome(execution.result.as_ref(), execution.summary.error.as_deref());
    say(format!("the execution has ended: {}\n{outcome}", execution.summary.status).trim_end());
    Ok(Exit::Done)
}

async fn print(context: &Context, client: &Client, wanted: &Logs) -> Result<Exit, Failure> {
    let id = wanted.id.to_string();
    let mut reading = Reading::default();
    let mut ended_at: Option<Instant> = None;
    loop {
        let page: LogPage = client.get(&["executions", &id, "messages"], &reading.query()).await?;
        let is_over = page.ended;
        let (fresh, has_more) = reading.take(page);
        if !fresh.is_empty() {
            show(context, wanted, &fresh)?;
        }
        if has_more {
            continue;
        }
        if is_over && reading.is_empty() && !wanted.follow {
            say(
                "there is no log: it wrote none, or it is past its retention (the masters' retention.messages_days)",
            );
        }
        if !wanted.follow {
            return Ok(Exit::Done);
        }
        if is_over && ended_at.get_or_insert_with(Instant::now).elapsed() >= LATE_MAX {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn show(context: &Context, wanted: &Logs, messages: &[LogMessage]) -> Result<(), Failure> {
    let is_wanted = |message: &&LogMessage| wanted.types.is_empty() || wanted.types.contains(&message.kind);
    let messages: Vec<&LogMessage> = messages.iter().filter(is_wanted).collect();
    let view = View::here();
    context.output.many(&messages, |messages| {
        let line = |message: &&LogMessage| match wanted.plain {
            true => format!("{}\n", message.text),
            false => view.log_line(message),
        };
        messages.iter().map(line).collect()
    })
}

/// How far a log has been read.
#[derive(Debug, Default)]
struct Reading {
    cursor: Option<String>,
    /// What was printed of the page behind the cursor.
    seen: BTreeSet<(Attempt, u64)>,
}

impl Reading {
    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", PAGE_MAX.to_string())];
        query.extend(self.cursor.as_ref().map(|cursor| ("after", cursor.clone())));
        query
    }

    /// Nothing has been read so far.
    fn is_empty(&self) -> bool {
        self.cursor.is_none() && self.seen.is_empty()
    }

    /// What of the page is new, and whether there is more at once.
    fn take(&mut self, page: LogPage) -> (Vec<LogMessage>, bool) {
        let fresh: Vec<LogMessage> = page
            .messages
            .into_iter()
            .filter(|message| self.seen.insert((message.attempt, message.sequence)))
            .collect();
        let has_more = page.next.is_some() && page.next != self.cursor;
        if has_more {
            self.cursor = page.next;
            self.seen.clear();
        }
        (fresh, has_more)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn page(sequences: &[u64], next: Option<&str>) -> LogPage {
        let message = |sequence: &u64| LogMessage {
            attempt: 1,
            sequence: *sequence,
            at: Timestamp::UNIX_EPOCH,
            kind: "stdout".into(),
            path: String::new(),
            text: String::new(),
        };
        LogPage {
            messages: sequences.iter().map(message).collect(),
            next: next.map(str::to_owned),
            ended: false,
        }
    }

    fn numbers(fresh: &[LogMessage]) -> Vec<u64> {
        fresh.iter().map(|message| message.sequence).collect()
    }

    #[test]
    fn a_log_is_empty_until_a_message_was_read() {
        let mut reading = Reading::default();
        reading.take(page(&[], None));
        assert!(reading.is_empty());
        reading.take(page(&[1], None));
        assert!(!reading.is_empty());
    }

    #[test]
    fn a_growing_page_is_printed_once() {
        let mut reading = Reading::default();
        let mut step = |sequences: &[u64], next: Option<&str>| {
            let (fresh, has_more) = reading.take(page(sequences, next));
            (numbers(&fresh), has_more)
        };
        assert_eq!(step(&[1, 2], None), (vec![1, 2], false));
        assert_eq!(step(&[1, 2, 3], None), (vec![3], false));
        assert_eq!(step(&[1, 2, 3, 4], Some("c4")), (vec![4], true));
        assert_eq!(step(&[], None), (vec![], false));
        assert_eq!(step(&[5], Some("c4")), (vec![5], false));
        assert_eq!(reading.cursor.as_deref(), Some("c4"));
    }
}
