//! Holds the OpenAPI document against what is really asked and answered: every test that goes through
//! [`Server`](crate::api::Server) comes by here. Stricter than the document is for clients: what an answer holds, the
//! document must know.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use boon::{Compiler, Draft, SchemaIndex, Schemas};
use scaleout_master::catalog::requests::Role;
use scaleout_master::http::openapi_document;
use serde_json::{Value, json};

use crate::api::{Server, request};

const PLACE: &str = "http://scaleout/openapi.json";

/// What was asked.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    /// `None`: it was not read.
    pub(crate) body: Option<Vec<u8>>,
}

/// The document, and its schemas as they are needed.
struct Contract {
    document: Value,
    schemas: Schemas,
    /// By the pointer to the schema.
    known: BTreeMap<String, SchemaIndex>,
}

static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::new);

impl Contract {
    fn new() -> Self {
        let document = closed(openapi_document());
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        let mut pointers = Vec::new();
        places(&document, "", &mut pointers);
        // One list, so that no pointer has braces and slashes of paths in it.
        let mut resource = document.clone();
        resource["all"] = pointers.iter().map(|at| document.pointer(at).unwrap().clone()).collect();
        compiler.add_resource(PLACE, resource).unwrap();
        let (mut schemas, mut known) = (Schemas::new(), BTreeMap::new());
        for (index, pointer) in pointers.into_iter().enumerate() {
            let compiled = compiler.compile(&format!("{PLACE}#/all/{index}"), &mut schemas).unwrap();
            known.insert(pointer, compiled);
        }
        Self { document, schemas, known }
    }

    /// The template of a path, and the operation's pointer.
    fn operation(&self, method: &Method, path: &str) -> Option<String> {
        let paths = self.document["paths"].as_object().unwrap();
        let fits = |template: &&String| {
            let (template, path): (Vec<_>, Vec<_>) =
                (template.split('/').collect(), path.split('/').collect());
            let same = |(t, p): (&&str, &&str)| t == p || (t.starts_with('{') && !p.is_empty());
            template.len() == path.len() && template.iter().zip(&path).all(same)
        };
        // A segment that is written out goes before one between braces.
        let template = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
        let method =
            if *method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
        let pointer = format!("/paths/{}/{method}", escaped(template));
        self.document.pointer(&pointer).map(|_| pointer)
    }

    fn check(&self, pointer: &str, value: &Value, told: &str) {
        let index = self.known.get(pointer).unwrap_or_else(|| panic!("{told}: no schema at {pointer}"));
        if let Err(error) = self.schemas.validate(value, *index) {
            panic!("{told}: is not what the OpenAPI document says at {pointer}:\n{error:#}\n{value:#}");
        }
    }
}

/// Panics if what was asked and accepted, or what was answered, is not what the document says.
pub(crate) fn check(asked: &Asked, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    let contract = &*CONTRACT;
    let told = format!("{} {} ({status})", asked.method, asked.path);
    let Some(operation) = contract.operation(&asked.method, &asked.path) else {
        assert!(
            status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE,
            "{told}: is in no document"
        );
        return;
    };
    if status.is_success() {
        check_request(contract, &operation, asked, &told);
    }
    let responses = &contract.document.pointer(&operation).unwrap()["responses"];
    let response = &responses[status.as_str()];
    assert!(response.is_object(), "{told}: this status is not in the OpenAPI document");
    let pointer = match response["$ref"].as_str() {
        Some(reference) => reference.trim_start_matches('#').to_owned(),
        None => format!("{operation}/responses/{}", status.as_str()),
    };
    if contract.document.pointer(&pointer).unwrap()["content"].is_null() {
        assert!(body.is_empty(), "{told}: has a body, which is not in the OpenAPI document");
        return;
    }
    let media = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap()).unwrap_or_default();
    let content = &contract.document.pointer(&pointer).unwrap()["content"][media];
    assert!(content.is_object(), "{told}: the media type {media:?} is not in the OpenAPI document");
    if media == "application/json" && asked.method != Method::HEAD {
        let value: Value = serde_json::from_slice(body).unwrap();
        contract.check(&format!("{pointer}/content/application~1json/schema"), &value, &told);
    }
}

fn check_request(contract: &Contract, operation: &str, asked: &Asked, told: &str) {
    let said = contract.document.pointer(operation).unwrap();
    let none = Vec::new();
    let parameters = said["parameters"].as_array().unwrap_or(&none);
    let is_known = |key: &str| parameters.iter().any(|one| one["in"] == "query" && one["name"] == key);
    for key in asked.query.split('&').filter_map(|pair| pair.split('=').next()).filter(|key| !key.is_empty())
    {
        assert!(is_known(key), "{told}: {key:?} in the query is not in the OpenAPI document");
    }
    let is_json = said["requestBody"]["content"]["application/json"].is_object();
    if let (true, Some(body)) = (is_json, &asked.body) {
        let value = serde_json::from_slice(body).unwrap();
        let pointer = format!("{operation}/requestBody/content/application~1json/schema");
        contract.check(&pointer, &value, &format!("the body of {told}"));
    }
}

/// Holds data of events against a component.
pub(crate) fn check_component(name: &str, value: &Value) {
    CONTRACT.check(&format!("/components/schemas/{name}"), value, &format!("an event with a {name}"));
}

/// Objects hold nothing that is not told; the document leaves that open for clients.
fn closed(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            if fields.get("properties").is_some_and(Value::is_object)
                && fields.get("type") == Some(&json!("object"))
            {
                fields.entry("additionalProperties").or_insert(json!(false));
            }
            fields.values_mut().for_each(|value| *value = closed(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = closed(value.take())),
        _ => {}
    }
    value
}

/// Pointers to all schemas that are checked by themselves.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    if at == "/components/schemas" {
        found.extend(value.as_object().unwrap().keys().map(|name| format!("{at}/{name}")));
        return;
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let at = format!("{at}/{}", escaped(key));
        if key == "schema" { found.push(at) } else { places(value, &at, found) }
    }
}

/// As a JSON pointer has it (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[test]
fn what_the_document_does_not_say_is_noticed() {
    let asked = |method: Method, path: &str, body: Value| Asked {
        method,
        path: path.to_owned(),
        query: String::new(),
        body: Some(body.to_string().into_bytes()),
    };
    let mut json_headers = HeaderMap::new();
    json_headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    let fails = |asked: &Asked, status: StatusCode, answer: Value| {
        let answer = answer.to_string();
        std::panic::catch_unwind(|| check(asked, status, &json_headers, answer.as_bytes())).is_err()
    };
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let request = json!({ "executions": [id] });
    let answer = json!({ "canceled": 1, "stopping": 0, "unchanged": 0, "not_found": [] });
    let cancel = |request: &Value| asked(Method::POST, "/api/v1/executions/cancel", request.clone());
    assert!(!fails(&cancel(&request), StatusCode::OK, answer.clone()));
    let mut more = answer.clone();
    more["more"] = json!(1);
    assert!(fails(&cancel(&request), StatusCode::OK, more), "a property that is not told");
    let mut less = answer.clone();
    less.as_object_mut().unwrap().remove("stopping");
    assert!(fails(&cancel(&request), StatusCode::OK, less), "a property that is missing");
    let other = json!({ "executions": [id], "force": true });
    assert!(fails(&cancel(&other), StatusCode::OK, answer.clone()), "a request that is not told");
    assert!(
        fails(&cancel(&request), StatusCode::CONFLICT, json!({ "code": "conflict", "message": "x" })),
        "a status"
    );
    let unknown = json!({ "code": "strange", "message": "x" });
    assert!(fails(&cancel(&request), StatusCode::FORBIDDEN, unknown), "a code of an error");
    let mut queried = cancel(&request);
    queried.query = "fast=1".to_owned();
    assert!(fails(&queried, StatusCode::OK, answer.clone()), "a key of a query");
    assert!(fails(&asked(Method::POST, "/api/v1/nowhere", request), StatusCode::OK, answer), "a route");
}

#[tokio::test]
async fn the_document_is_answered_to_everybody_and_again_only_if_it_is_another() {
    let server = Server::start().await;
    let ask = |known: Option<HeaderValue>| {
        let mut asked = request(Method::GET, "/api/v1/openapi.json", None, "");
        asked.headers_mut().extend(known.map(|tag| (header::IF_NONE_MATCH, tag)));
        server.send(asked)
    };
    let answer = ask(None).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json::<Value>(), openapi_document());
    let cached = answer.headers[header::CACHE_CONTROL].to_str().unwrap();
    assert!(cached.starts_with("public, max-age="), "{cached}");
    let again = ask(Some(answer.headers[header::ETAG].clone())).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let other = ask(Some(HeaderValue::from_static("\"other\""))).await;
    assert_eq!((other.status, other.body.len()), (StatusCode::OK, answer.body.len()));
}

/// The document's roles are those that are let in: asked without a body or a place that is there, so that nothing is done.
#[tokio::test]
async fn the_roles_of_the_document_are_those_that_may() {
    let server = Server::start().await;
    for role in Role::ALL {
        let token = server.token(role).await;
        for (path, item) in openapi_document()["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let Some(roles) = operation["security"][0]["token"].as_array() else { continue };
                let method: Method = method.to_ascii_uppercase().parse().unwrap();
                let place = path.replace(['{', '}'], "");
                let answer = server.send(request(method.clone(), &place, Some(&token), "")).await;
                let is_let_in = ![StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&answer.status);
                let is_told = roles.iter().any(|one| one == role.as_str());
                assert_eq!(is_let_in, is_told, "{role}: {method} {path}: {}", answer.status);
            }
        }
    }
}
