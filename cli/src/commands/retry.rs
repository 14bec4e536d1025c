//! `scaleout execution retry`: runs what has ended again, as new executions of one batch.

use clap::Args;
use reqwest::Method;
use scaleout_common::api::{EnqueueAnswer, Problem, RetryRequest};
use scaleout_common::ids::{BatchId, ExecutionId};
use uuid::Uuid;

use super::{Context, enqueue};
use crate::client::{Client, Repeat};
use crate::exit::{Exit, Failure};

/// What to run again, and how.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Of the executions, as `enqueue` and `execution list` show them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<ExecutionId>,
    /// Run the version of the package that each ran then, not the one that is deployed now
    #[arg(long)]
    same_version: bool,
    /// Makes repeating the command harmless: the same id gives the same batch
    #[arg(long, value_name = "UUID")]
    request_id: Option<BatchId>,
    /// Wait until all have ended; exit 0 only if all succeeded
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(context: &Context, client: &Client, wanted: Retry) -> Result<Exit, Failure> {
    let request = RetryRequest {
        // Even without --request-id: the request may have to be sent again by itself.
        request_id: wanted.request_id.unwrap_or_else(|| BatchId(Uuid::now_v7())),
        executions: wanted.ids,
        same_version: wanted.same_version,
    };
    let answer: EnqueueAnswer = client
        .send(Method::POST, &["executions", "retry"], &request, Repeat::Harmless)
        .await
        .map_err(|failure| Failure { problems: told(failure.problems, &request.executions), ..failure })?;
    enqueue::report(context, client, &answer, wanted.wait).await
}

/// The problems with `executions[1].parameters.day` said as `execution 0191…, parameter day`.
fn told(problems: Vec<Problem>, ids: &[ExecutionId]) -> Vec<Problem> {
    let place = |place: &str| {
        let (index, rest) = place.strip_prefix("executions[")?.split_once(']')?;
        let id = ids.get(index.parse::<usize>().ok()?)?;
        let parameter = rest.strip_prefix(".parameters.").map(|name| format!(", parameter {name}"));
        Some(format!("execution {id}{}", parameter.unwrap_or_default()))
    };
    problems
        .into_iter()
        .map(|problem| Problem { place: place(&problem.place).unwrap_or(problem.place), ..problem })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_said_of_the_execution_that_has_them() {
        let ids = [1, 2].map(|number| ExecutionId(Uuid::from_u128(number)));
        let place = |place: &str| {
            let problem = Problem { place: place.to_owned(), message: String::new() };
            told(vec![problem], &ids).remove(0).place
        };
        assert_eq!(
            place("executions[1].parameters.day"),
            "execution 00000000-0000-0000-0000-000000000002, parameter day"
        );
        assert_eq!(place("executions[0]"), "execution 00000000-0000-0000-0000-000000000001");
        assert_eq!(place("executions[2].parameters.day"), "executions[2].parameters.day");
        assert_eq!(place("projects.t/p.parameters.key"), "projects.t/p.parameters.key");
    }
}
