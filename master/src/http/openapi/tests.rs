//! The document fits together, and is what OpenAPI 3.1 asks for, as far as that can be seen without its own schema.

use std::collections::BTreeSet;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use scaleout_common::names::{LimitName, Name, PackagePath, PackageScope, PoolName};
use serde_json::Value;

use super::super::routes::ROUTES;
use super::document::{made, text};
use super::operations::OPEN;
use super::{document, parameters};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const PLACE: &str = "http://scaleout/openapi.json";

/// Path, method, and the operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect()
}

/// Every value in it that is under `key`.
fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key));
            fields.values().for_each(|value| under(value, key, found));
        }
        Value::Array(items) => items.iter().for_each(|value| under(value, key, found)),
        _ => {}
    }
}

#[test]
fn nothing_is_left_over() {
    let (_, problems) = made();
    assert_eq!(problems, [""; 0]);
}

#[test]
fn every_route_has_an_operation_and_every_operation_a_route() {
    let document = document();
    let pair = |method: &str, path: &str| format!("{} {path}", method.to_ascii_uppercase());
    let told: BTreeSet<String> =
        operations(&document).iter().map(|(path, method, _)| pair(method, path)).collect();
    let routes = ROUTES.iter().map(|route| pair(route.method.as_str(), route.path));
    let served: BTreeSet<String> = routes.chain(OPEN.iter().map(|(path, ..)| pair("GET", path))).collect();
    assert_eq!(told, served);
}

#[test]
fn operations_have_names_of_their_own_and_known_tags() {
    let document = document();
    let tags: BTreeSet<Option<&str>> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str()).collect();
    let mut ids = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        assert!(METHODS.contains(&method), "{method} {path}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is the name of two operations");
        assert!(id.chars().all(|c| c.is_ascii_alphabetic()), "{id}");
        used.insert(operation["tags"][0].as_str());
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id}");
        assert!(operation["responses"]["200"]["description"].is_string(), "{id}");
    }
    assert!(ids.contains("batchEnqueue") && ids.contains("executionLogsStream"), "{ids:?}");
    assert_eq!(used, tags, "tags that are used, and those that are told");
}

#[test]
fn every_segment_of_a_path_is_a_parameter_and_no_parameter_is_told_twice() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        let empty = Vec::new();
        let all = operation["parameters"].as_array().unwrap_or(&empty);
        let named: BTreeSet<(&str, &str)> =
            all.iter().map(|one| (one["in"].as_str().unwrap(), one["name"].as_str().unwrap())).collect();
        assert_eq!(named.len(), all.len(), "{method} {path}");
        let in_path: BTreeSet<&str> =
            named.iter().filter(|(place, _)| *place == "path").map(|(_, name)| *name).collect();
        assert_eq!(in_path, parameters::segments(path).collect(), "{method} {path}");
        for parameter in all {
            assert!(parameter["schema"].is_object() && parameter["required"].is_boolean(), "{parameter}");
            assert!(parameter["in"] != "path" || parameter["required"] == true, "{parameter}");
            assert!(!parameter["schema"].to_string().contains("null"), "{parameter}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
    let document = document();
    let mut references = Vec::new();
    under(&document, "$ref", &mut references);
    let mut reached = BTreeSet::new();
    for reference in references {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        reached.insert(pointer.to_owned());
    }
    // What the events of a stream hold.
    let events = ["LogMessage", "StatusEvent", "MissingEvent", "EndEvent", "ReconnectEvent"];
    reached.extend(events.map(|name| format!("/components/schemas/{name}")));
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(reached.contains(&format!("/components/{kind}/{name}")), "nothing refers to {name}");
        }
    }
}

#[test]
fn every_schema_is_one() {
    let document = document();
    let mut schemas = Vec::new();
    under(&document, "schema", &mut schemas);
    assert!(schemas.len() > 100, "{}", schemas.len());
    let mut both = document.clone();
    both["all"] = schemas.into_iter().cloned().collect::<Vec<_>>().into();
    let names = document["components"]["schemas"].as_object().unwrap().keys();
    let named = names.map(|name| format!("/components/schemas/{name}"));
    let inline = (0..both["all"].as_array().unwrap().len()).map(|index| format!("/all/{index}"));
    let places: Vec<String> = named.chain(inline).collect();
    let (mut compiler, mut compiled) = (compiler(both), Schemas::new());
    for place in places {
        let found = compiler.compile(&format!("{PLACE}#{place}"), &mut compiled);
        found.unwrap_or_else(|error| panic!("{place}: {error:#}"));
    }
}

#[test]
fn nothing_of_rust_is_told() {
    let document = document();
    let mut texts = Vec::new();
    under(&document, "description", &mut texts);
    under(&document, "summary", &mut texts);
    assert!(texts.len() > 200, "{}", texts.len());
    for text in texts.into_iter().filter_map(Value::as_str) {
        assert!(!["[`", "](", "::", "  "].iter().any(|sign| text.contains(sign)), "{text:?}");
    }
}

#[test]
fn it_is_written_the_same_each_time_and_is_bounded() {
    let text = text();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document());
    assert!(text.len() < 512 << 10, "{} bytes", text.len());
}

fn compiler(document: Value) -> Compiler {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.add_resource(PLACE, document).unwrap();
    compiler
}

/// Whether a type's reader takes a text.
type Reads = fn(&str) -> bool;

#[test]
fn patterns_take_what_their_types_read_and_refuse_what_these_refuse() {
    let readers: &[(&str, Reads)] = &[
        ("Name", |text| Name::new(text).is_ok()),
        ("PoolName", |text| PoolName::new(text).is_ok()),
        ("PackagePath", |text| text.parse::<PackagePath>().is_ok()),
        ("PackageScope", |text| text.parse::<PackageScope>().is_ok()),
        ("LimitName", |text| text.parse::<LimitName>().is_ok()),
    ];
    let long = "x".repeat(128);
    let names = [
        "",
        "a",
        "a b",
        "Daily load",
        "ünïcode",
        " a",
        "a ",
        "@a",
        "a@",
        "a|b",
        "a\nb",
        "a<b",
        "a\\b",
        "a\"",
        "\u{85}",
        "\u{a0}a",
        "a\u{2003}",
        "\u{7f}",
        "etl-2",
        "a.b",
        "UP",
        "a_b",
        long.as_str(),
        &long[..64],
        &long[..65],
    ];
    let mut texts: Vec<String> = names.map(str::to_owned).into();
    for one in names {
        texts.extend([
            format!("{one}/b"),
            format!("{one}/b/c"),
            format!("a/b/{one}"),
            format!("a/b/c/{one}"),
            format!("a/{one}"),
        ]);
    }
    let (mut compiler, mut compiled) = (compiler(document()), Schemas::new());
    for (name, reads) in readers {
        let place = format!("{PLACE}#/components/schemas/{name}");
        let index: SchemaIndex = compiler.compile(&place, &mut compiled).unwrap();
        // A part that is too long is beyond a pattern, but where there is one part only.
        let too_long = ["Name", "PoolName"].contains(name).then(|| "x".repeat(129));
        for text in texts.iter().chain(&too_long) {
            let is_taken = compiled.validate(&Value::from(text.as_str()), index).is_ok();
            assert_eq!(is_taken, reads(text), "{name} {text:?}");
        }
    }
}
