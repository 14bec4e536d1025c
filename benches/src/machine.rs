//! What was measured on.

use std::fs;

use scaleout_local::testing::MANAGEMENT_VARIABLE;
use serde_json::Value;

use crate::stand::Stand;

/// A line for each of: processor, memory, system, servers.
pub(crate) async fn described(stand: &Stand) -> Vec<String> {
    let field = |path: &str, name: &str| -> Option<String> {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(unknown);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| unknown(), |text| text.trim().to_owned());
    let postgres: String = stand.ask("select split_part(version(), ' (', 1)").await;
    let settings: String = stand
        .ask(
            "select string_agg(name || ' ' || current_setting(name), ', ')
             from unnest(array['fsync', 'synchronous_commit', 'shared_buffers']) as name",
        )
        .await;
    let commit = std::env::var("SCALEOUT_BENCH_COMMIT").unwrap_or_else(|_| unknown());
    let broker = broker_version().await.unwrap_or_else(unknown);
    let build = if cfg!(debug_assertions) { "without optimisation" } else { "with optimisation" };
    vec![
        format!("processor: {processor}, {cores} cores, shared by everything that is measured"),
        format!("memory: {memory}"),
        format!("system: {} {kernel}", std::env::consts::OS),
        format!("servers: {postgres} ({settings}), RabbitMQ {broker}, both on this machine"),
        format!("scaleout {} ({commit}), built {build}", env!("CARGO_PKG_VERSION")),
    ]
}

async fn broker_version() -> Option<String> {
    let url = std::env::var(MANAGEMENT_VARIABLE).ok()?;
    let http = scaleout_local::plain_http().build().ok()?;
    let answer = http.get(format!("{}/api/overview", url.trim_end_matches('/'))).send().await.ok()?;
    Some(answer.json::<Value>().await.ok()?["rabbitmq_version"].as_str()?.to_owned())
}
