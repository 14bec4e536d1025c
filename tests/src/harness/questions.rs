//! Enqueueing, and asking what became of it, through the command line as programs do.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::cluster::Cluster;
use super::output::Output;
use super::wait::{MOMENT, until};

/// A line of `execution list`, or `execution show`, as JSON.
#[derive(Clone, Debug)]
pub struct Execution(pub Value);

impl Execution {
    /// A field's text; empty if it has none.
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> &str {
        self.text("id")
    }

    pub fn status(&self) -> &str {
        self.text("status")
    }

    /// A field's number; 0 if it has none.
    pub fn number(&self, field: &str) -> u64 {
        self.0[field].as_u64().unwrap_or_default()
    }

    /// The attempts before the present one: how each ended.
    pub fn endings(&self) -> Vec<&str> {
        let attempts = self.0["attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
        attempts.iter().filter_map(|attempt| attempt["ending"].as_str()).collect()
    }
}

impl Cluster {
    /// Enqueues and gives the batch's id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn enqueue(&self, arguments: &[&str]) -> String {
        let all = [&["enqueue", "--format", "json"], arguments].concat();
        let answer = self.scaleout(&all).await.ok().json();
        answer["batch"].as_str().expect("a batch has an id").to_owned()
    }

    /// Enqueues one execution and gives its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn enqueue_one(&self, arguments: &[&str]) -> String {
        let batch = self.enqueue(arguments).await;
        let executions = self.executions(&batch).await;
        assert_eq!(executions.len(), 1, "{executions:?}");
        executions[0].id().to_owned()
    }

    /// Waits for a batch's end: `batch wait`, whatever came of it.
    pub async fn wait_batch(&self, batch: &str) -> (Output, BTreeMap<String, u64>) {
        let output = self.scaleout(&["batch", "wait", batch, "--format", "json"]).await;
        let counts = serde_json::from_value(output.json()["counts"].clone());
        let counts = counts.unwrap_or_else(|error| panic!("no counts: {error}\n{output}"));
        (output, counts)
    }

    /// A batch's executions.
    pub async fn executions(&self, batch: &str) -> Vec<Execution> {
        let arguments = ["execution", "list", "--batch", batch, "--limit", "100000", "--format", "json"];
        self.scaleout(&arguments).await.ok().json_lines().into_iter().map(Execution).collect()
    }

    /// Everything about an execution.
    pub async fn show(&self, id: &str) -> Execution {
        Execution(self.scaleout(&["execution", "show", id, "--format", "json"]).await.ok().json())
    }

    /// Waits until an execution has one of these statuses.
    ///
    /// # Panics
    /// When it has not `within`.
    pub async fn reaches(&self, id: &str, statuses: &[&str], within: Duration) -> Execution {
        until(&format!("{id} is {statuses:?}"), within, async || {
            let execution = self.show(id).await;
            if statuses.contains(&execution.status()) { Ok(execution) } else { Err(execution.0.to_string()) }
        })
        .await
    }

    /// What processes of an execution printed and what was told of its tasks: lines as people see them.
    pub async fn logs(&self, id: &str) -> String {
        self.scaleout(&["execution", "logs", id]).await.ok().stdout
    }

    /// The log, once `words` have arrived: an execution may end before the last of its messages is in.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn logs_with(&self, id: &str, words: &str) -> String {
        until(&format!("the log of {id} has {words:?}"), MOMENT, async || {
            let log = self.logs(id).await;
            if log.contains(words) { Ok(log) } else { Err(log.chars().take(2_000).collect()) }
        })
        .await
    }

    /// How many executions there are at all.
    ///
    /// # Panics
    /// When the catalog cannot be asked.
    pub async fn executions_count(&self) -> i64 {
        let row = self.catalog.query_one("select count(*) from internal.executions", &[]).await;
        row.expect("the catalog can be asked").get(0)
    }

    /// How many executions have lost the worker that ran them; what a worker gave back before it had started is no loss.
    ///
    /// # Panics
    /// When the catalog does not answer.
    pub async fn losers_count(&self) -> i64 {
        let losers = "select count(*) from internal.executions where losses > 0";
        let row = self.catalog.query_one(losers, &[]).await;
        row.expect("the catalog can be asked").get(0)
    }
}
