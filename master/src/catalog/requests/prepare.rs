//! What a request asks for, checked and resolved before anything is written. Pure: no clock, no ids, no SQL.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::sync::Arc;

use scaleout_common::api::{EnqueueItem, EnqueueRequest, RetryRequest};
use scaleout_common::ids::ExecutionId;
use scaleout_common::names::PackagePath;
use scaleout_package::arguments::{Resolved, resolve};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::Problems;
use super::manifests::KnownPackage;

/// Parameter values of all executions of a batch together, in bytes.
pub(crate) const BATCH_VALUES_BYTES_MAX: u64 = 256 << 20;

/// A deployed package that a request names.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) package_id: i64,
    pub(crate) project_id: i64,
    pub(crate) known: Arc<KnownPackage>,
}

/// Values as they are kept: JSON objects, absent where empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct KeptValues {
    pub(crate) plain: Option<String>,
    pub(crate) sensitive: Option<String>,
}

/// `count` executions of one package with the same values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PreparedItem {
    pub(crate) package_id: i64,
    /// Index into [`Prepared::values`].
    pub(crate) values: usize,
    pub(crate) count: u32,
    pub(crate) retry_of: Option<ExecutionId>,
}

/// An item whose package is known, and the values given for it.
pub(crate) struct Given<'a> {
    pub(crate) target: &'a Target,
    pub(crate) values: BTreeMap<String, Value>,
    pub(crate) count: u32,
    pub(crate) retry_of: Option<ExecutionId>,
}

/// A request that can be accepted as it is.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) items: Vec<PreparedItem>,
    /// Each distinct set of values once.
    pub(crate) values: Vec<KeptValues>,
}

impl Prepared {
    fn bytes(&self) -> u64 {
        self.items.iter().map(|item| self.values[item.values].bytes() * u64::from(item.count)).sum()
    }
}

/// Resolves the parameters of every item against its package.
pub(crate) fn prepare(
    items: Vec<EnqueueItem>,
    targets: &HashMap<PackagePath, Target>,
) -> Result<Prepared, Problems> {
    prepare_given(items.into_iter().map(|item| Given {
        target: &targets[&item.package],
        values: item.parameters.into_iter().collect(),
        count: item.count,
        retry_of: None,
    }))
}

/// The same for packages that are found otherwise.
pub(crate) fn prepare_given<'a>(items: impl Iterator<Item = Given<'a>>) -> Result<Prepared, Problems> {
    let mut prepared = Prepared::default();
    let mut problems = Problems::default();
    let mut seen: HashMap<(i64, String), usize> = HashMap::new();
    for (index, item) in items.enumerate() {
        let Given { target, values: given, count, retry_of } = item;
        let key = (target.package_id, text_of(&given));
        let values = match seen.get(&key) {
            Some(values) => *values,
            None => match resolve(&target.known.package.parameters, &given, &BTreeMap::new()) {
                Ok(resolved) => {
                    prepared.values.push(KeptValues::of(&resolved));
                    seen.insert(key, prepared.values.len() - 1);
                    prepared.values.len() - 1
                }
                Err(errors) => {
                    for error in errors {
                        let place = || format!("executions[{index}].parameters.{}", error.name());
                        problems.add(place, || error.to_string());
                    }
                    continue;
                }
            },
        };
        prepared.items.push(PreparedItem { package_id: target.package_id, values, count, retry_of });
    }
    if problems.is_empty() && prepared.bytes() > BATCH_VALUES_BYTES_MAX {
        let message = format!(
            "the parameter values of all executions together are larger than {} MiB: enqueue several batches",
            BATCH_VALUES_BYTES_MAX >> 20
        );
        problems.add(|| "executions".to_owned(), || message);
    }
    if problems.is_empty() { Ok(prepared) } else { Err(problems) }
}

impl KeptValues {
    pub(crate) fn of(resolved: &Resolved) -> Self {
        Self { plain: unless_empty(&resolved.plain), sensitive: unless_empty(&resolved.sensitive) }
    }

    fn bytes(&self) -> u64 {
        [&self.plain, &self.sensitive].into_iter().flatten().map(|text| text.len() as u64).sum()
    }
}

/// SHA-256 of a request: of its JSON with the parameters' names in order. A field that a later build adds must be
/// left out of it while it has its default, lest a request repeated after an upgrade looks like another one.
pub(crate) fn request_hash(request: &EnqueueRequest) -> [u8; 32] {
    #[derive(Serialize)]
    struct Item<'a> {
        package: &'a PackagePath,
        parameters: BTreeMap<&'a String, &'a Value>,
        count: u32,
    }
    let mut hasher = Sha256::new();
    let rest = (
        &request.request_id,
        &request.pool,
        &request.priority,
        request.retries,
        request.retry_delay_ms,
        request.timeout_ms,
    );
    write_json(&mut hasher, &rest);
    if let Some(key) = &request.limit_key {
        write_json(&mut hasher, &("limit_key", key));
    }
    if !request.workers.is_empty() {
        write_json(&mut hasher, &("workers", &request.workers));
    }
    if let Some(level) = &request.logging_level {
        write_json(&mut hasher, &("logging_level", level));
    }
    for item in &request.executions {
        let parameters = item.parameters.iter().collect();
        write_json(&mut hasher, &Item { package: &item.package, parameters, count: item.count });
    }
    if request.start_at.is_some() || request.start_deadline_ms.is_some() {
        write_json(&mut hasher, &("start", request.start_at, request.start_deadline_ms));
    }
    hasher.finalize().into()
}

/// SHA-256 of a request to retry; that of no enqueue.
pub(crate) fn retry_hash(request: &RetryRequest) -> [u8; 32] {
    let mut hasher = Sha256::new();
    write_json(&mut hasher, &("retry", &request.request_id, request.same_version, &request.executions));
    hasher.finalize().into()
}

fn write_json(mut to: impl Write, what: &impl Serialize) {
    serde_json::to_writer(&mut to, what).expect("the types of the API can be written as JSON");
}

fn unless_empty(values: &Map<String, Value>) -> Option<String> {
    (!values.is_empty()).then(|| text_of(values))
}

fn text_of(values: &impl Serialize) -> String {
    serde_json::to_string(values).expect("names and JSON values can be written as JSON")
}

#[cfg(test)]
mod tests {
    use scaleout_common::logging_level::LoggingLevel;
    use scaleout_package::manifest::PackageManifest;
    use scaleout_package::model::Parameter;
    use scaleout_package::value::DataType;
    use serde_json::json;

    use super::*;

    const PATH: &str = "demo/flights/load";

    fn targets(parameters: Vec<Parameter>) -> HashMap<PackagePath, Target> {
        let package = PackageManifest {
            name: "load".to_owned(),
            description: String::new(),
            parameters: parameters.into_iter().map(|one| (one.name.clone(), one)).collect(),
        };
        let known = Arc::new(KnownPackage { package, project_parameters: BTreeMap::new() });
        HashMap::from([(PATH.parse().unwrap(), Target { package_id: 7, project_id: 1, known })])
    }

    fn parameter(name: &str, data_type: DataType, required: bool, sensitive: bool) -> Parameter {
        let description = String::new();
        Parameter { name: name.to_owned(), data_type, required, sensitive, default: None, description }
    }

    fn item(parameters: Value, count: u32) -> EnqueueItem {
        let parameters = parameters.as_object().unwrap().clone();
        EnqueueItem { package: PATH.parse().unwrap(), parameters, count }
    }

    #[test]
    fn equal_values_are_resolved_once_and_sensitive_ones_kept_apart() {
        let targets = targets(vec![
            parameter("day", DataType::Date, true, false),
            parameter("key", DataType::String, false, true),
        ]);
        let items = vec![
            item(json!({"day": "2024-01-31", "key": "s3cret"}), 2),
            item(json!({"key": "s3cret", "day": "2024-01-31"}), 1),
            item(json!({"day": "2024-02-01"}), 1),
        ];
        let prepared = prepare(items, &targets).unwrap();
        assert_eq!(prepared.items.iter().map(|item| item.count).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(prepared.items.iter().map(|item| item.values).collect::<Vec<_>>(), [0, 0, 1]);
        assert_eq!(prepared.values[0].plain.as_deref(), Some(r#"{"day":"2024-01-31"}"#));
        assert_eq!(prepared.values[0].sensitive.as_deref(), Some(r#"{"key":"s3cret"}"#));
        assert_eq!(prepared.values[1].sensitive, None);
    }

    #[test]
    fn every_problem_of_every_item_is_named() {
        let targets = targets(vec![
            parameter("day", DataType::Date, true, false),
            parameter("rows", DataType::Int64, false, false),
        ]);
        let items = vec![item(json!({"rows": "many", "dya": 1}), 1), item(json!({"day": "2024-01-31"}), 1)];
        let problems = prepare(items, &targets).unwrap_err();
        assert_eq!(problems.summary(), "3 problems");
        let mut places: Vec<String> =
            problems.into_listed().into_iter().map(|problem| problem.place).collect();
        places.sort();
        assert_eq!(
            places,
            ["executions[0].parameters.day", "executions[0].parameters.dya", "executions[0].parameters.rows"]
        );
    }

    #[test]
    fn no_values_are_no_text() {
        let prepared = prepare(vec![item(json!({}), 1)], &targets(vec![])).unwrap();
        assert_eq!(prepared.values, [KeptValues::default()]);
    }

    #[test]
    fn values_are_bounded_over_the_whole_batch() {
        let targets = targets(vec![parameter("text", DataType::String, true, false)]);
        let text = "x".repeat(512 << 10);
        let problems = prepare(vec![item(json!({ "text": text }), 1_000)], &targets).unwrap_err();
        assert!(problems.into_listed()[0].message.contains("256 MiB"));
    }

    #[test]
    fn a_request_is_the_same_whatever_the_order_of_its_parameters() {
        let request = |executions: &str| -> EnqueueRequest {
            let text = format!(
                r#"{{"request_id":"01890a5d-ac96-774b-bcce-b302099a8057","executions":{executions}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let one = request(r#"[{"package":"a/b/c","parameters":{"x":1,"y":2}}]"#);
        let same = request(r#"[{"package":"a/b/c","parameters":{"y":2,"x":1},"count":1}]"#);
        let other = request(r#"[{"package":"a/b/c","parameters":{"y":2,"x":1},"count":2}]"#);
        assert_eq!(request_hash(&one), request_hash(&same));
        assert_ne!(request_hash(&one), request_hash(&other));
        let later = EnqueueRequest { start_at: Some(jiff::Timestamp::UNIX_EPOCH), ..one.clone() };
        let within = EnqueueRequest { start_deadline_ms: Some(60_000), ..one.clone() };
        let limited = EnqueueRequest { limit_key: Some("k".parse().unwrap()), ..one.clone() };
        let chosen = EnqueueRequest { workers: vec!["rack-1".to_owned()], ..one.clone() };
        let told = EnqueueRequest { logging_level: Some(LoggingLevel::Basic), ..one.clone() };
        let hashes = [&one, &later, &within, &limited, &chosen, &told].map(request_hash);
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
        // As version 0.2.0 has it: a request that is repeated after an upgrade stays the same.
        assert_eq!(
            scaleout_common::hex::print(&hashes[0]),
            "c4021e104f1cfe77ef4d60b21261159d1e1301e89320a5d59530b6de7edd369b"
        );
    }
}
