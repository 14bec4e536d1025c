//! `scaleout broker`: what an operator may want of the broker.

use clap::Subcommand;
use reqwest::Method;
use scaleout_common::api::RebuildAnswer;

use super::Context;
use crate::client::Repeat;
use crate::exit::{Exit, Failure};

/// The broker: dispatch everything pending again
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout broker rebuild")]
pub(crate) enum Broker {
    /// Publishes the messages of everything pending again
    #[command(after_help = "\
Examples:
  scaleout broker rebuild
  scaleout broker rebuild --format json

The broker holds nothing that the catalog does not know, and what it loses comes back by itself: at once if it lost \
everything, after some two minutes if a queue was purged or deleted. Use this when you do not want to wait, or when \
executions stay pending although workers of their pool are free. It is harmless at any time: an execution that has a \
message already is started once all the same. It needs the role operator.

With --format json: epoch (the one that began), dispatched (so far), finished (if not, the masters go on with it).")]
    Rebuild,
}

pub(crate) async fn run(context: &Context, arguments: Broker) -> Result<Exit, Failure> {
    match arguments {
        Broker::Rebuild => {
            let path = ["broker", "rebuild"];
            let answer: RebuildAnswer =
                context.client()?.send(Method::POST, &path, &(), Repeat::Harmless).await?;
            context.output.one(&answer, text)?;
            Ok(Exit::Done)
        }
    }
}

fn text(answer: &RebuildAnswer) -> String {
    let RebuildAnswer { epoch, dispatched, finished } = answer;
    if *finished {
        format!("{dispatched} pending executions are dispatched again (epoch {epoch} of the broker)\n")
    } else {
        format!(
            "{dispatched} pending executions are dispatched again so far (epoch {epoch} of the broker); the masters \
             go on with it: `scaleout status` says how far they are\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_how_many_and_whether_it_is_over() {
        let answer = RebuildAnswer { epoch: 3, dispatched: 12, finished: true };
        assert_eq!(text(&answer), "12 pending executions are dispatched again (epoch 3 of the broker)\n");
        assert!(
            text(&RebuildAnswer { finished: false, ..answer })
                .contains("12 pending executions are dispatched again so far")
        );
    }
}
