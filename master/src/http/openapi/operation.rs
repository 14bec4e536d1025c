//! What is said of one operation, and how it is written down. What follows from its route (who may, which errors) is not
//! said again.

use scaleout_common::api::AuditAction;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::super::routes::{Admits, Folders, Route};
use super::schemas::{Make, Schemas};
use super::{parameters, responses};

/// The body of a request.
#[derive(Clone, Copy)]
enum Body {
    None,
    Json(Make),
    /// A bundle.
    Bytes,
}

/// The body of an answer.
#[derive(Clone, Copy)]
enum Answer {
    Json(Make),
    /// Bytes, or text, of this type.
    Plain(&'static str),
}

/// One operation; `of` and what follows it make tables of them.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) action: AuditAction,
    /// How the path ends, where an action has several routes.
    pub(super) suffix: &'static str,
    summary: &'static str,
    /// What there is to say beyond that.
    details: &'static str,
    query: Option<Make>,
    body: Body,
    answer: Answer,
    /// Errors that do not follow from the route and the request.
    errors: &'static [u16],
    is_stream: bool,
}

/// An operation that answers a `T`.
pub(super) const fn of<T: JsonSchema>(action: AuditAction, summary: &'static str) -> Operation {
    Operation {
        action,
        suffix: "",
        summary,
        details: "",
        query: None,
        body: Body::None,
        answer: Answer::Json(Schemas::written::<T>),
        errors: &[],
        is_stream: false,
    }
}

/// An operation that answers something of this media type.
pub(super) const fn plain(action: AuditAction, media: &'static str, summary: &'static str) -> Operation {
    let mut operation = of::<String>(action, summary);
    operation.answer = Answer::Plain(media);
    operation
}

impl Operation {
    pub(super) const fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(Schemas::parts::<T>);
        self
    }

    pub(super) const fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Body::Json(Schemas::read::<T>);
        self
    }

    pub(super) const fn bundle(mut self) -> Self {
        self.body = Body::Bytes;
        self
    }

    pub(super) const fn errors(mut self, errors: &'static [u16]) -> Self {
        self.errors = errors;
        self
    }

    pub(super) const fn details(mut self, details: &'static str) -> Self {
        self.details = details;
        self
    }

    pub(super) const fn at(mut self, suffix: &'static str) -> Self {
        self.suffix = suffix;
        self
    }

    pub(super) const fn stream(mut self) -> Self {
        self.is_stream = true;
        self.at("/stream")
    }

    /// As the document has it.
    pub(super) fn write(&self, route: &Route, schemas: &mut Schemas) -> Value {
        let mut parameters = parameters::of_path(route.path, schemas);
        parameters.extend(self.query.into_iter().flat_map(|make| parameters::of_query(make, schemas)));
        if self.is_stream {
            parameters.push(parameters::last_event_id());
        }
        let mut operation = json!({
            "operationId": self.id(),
            "tags": [noun(self.action)],
            "summary": self.summary,
            "description": format!("{}{}", described(route), self.details),
            "security": [security(route.admits)],
            "responses": self.responses(self.statuses(route, !parameters.is_empty()), schemas),
        });
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(content) = self.content(schemas) {
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        operation
    }

    /// As [`write`](Self::write), of what is open to everybody.
    pub(super) fn write_open(&self, id: &str, errors: &[u16], schemas: &mut Schemas) -> Value {
        json!({
            "operationId": id,
            "tags": ["master"],
            "summary": self.summary,
            "description": "Needs no token.",
            "security": [],
            "responses": self.responses(errors.to_vec(), schemas),
        })
    }

    /// `batchEnqueue` of `batch.enqueue`.
    pub(super) fn id(&self) -> String {
        let (noun, verb) = self.action.as_str().split_once('.').unwrap_or((self.action.as_str(), ""));
        let mut verb = verb.to_owned();
        if let Some(first) = verb.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        format!("{noun}{verb}{}", if self.is_stream { "Stream" } else { "" })
    }

    fn content(&self, schemas: &mut Schemas) -> Option<Value> {
        match self.body {
            Body::None => None,
            Body::Json(make) => Some(json!({ "application/json": { "schema": make(schemas) } })),
            // OpenAPI 3.1: bytes as they are have no schema.
            Body::Bytes => Some(json!({ "application/octet-stream": {} })),
        }
    }

    /// The errors that it can answer.
    fn statuses(&self, route: &Route, has_parameters: bool) -> Vec<u16> {
        let mut statuses = vec![401, 500, 503];
        if route.admits != Admits::Invited {
            statuses.push(403);
        }
        let has_body = !matches!(self.body, Body::None);
        if has_body || has_parameters {
            statuses.push(400);
        }
        if has_body {
            statuses.push(413);
        }
        if parameters::segments(route.path).next().is_some() {
            statuses.push(404);
        }
        statuses.extend(self.errors);
        statuses
    }

    fn responses(&self, errors: Vec<u16>, schemas: &mut Schemas) -> Value {
        let content = match self.answer {
            Answer::Json(make) => json!({ "application/json": { "schema": make(schemas) } }),
            Answer::Plain("application/octet-stream") => json!({ "application/octet-stream": {} }),
            Answer::Plain(media) => json!({ media: { "schema": { "type": "string" } } }),
        };
        let done = json!({ "description": "Done.", "content": content });
        let errors = errors.into_iter().filter_map(|status| Some((status, responses::reference(status)?)));
        let all = std::iter::once((200, done)).chain(errors);
        all.map(|(status, response)| (status.to_string(), response)).collect::<Map<_, _>>().into()
    }
}

/// What the operations of one tag have in common.
pub(super) fn noun(action: AuditAction) -> &'static str {
    action.as_str().split('.').next().unwrap_or_default()
}

/// By whom, and within which folders.
fn described(route: &Route) -> String {
    let roles: Vec<&str> = route.admits.roles().iter().rev().map(|role| role.as_str()).collect();
    let who = match route.admits {
        Admits::Invited => "The bearer token is the secret of an invitation.".to_owned(),
        _ => format!("Role: {}.", roles.join(", ")),
    };
    let folders = match route.folders {
        Folders::Path => " The token must reach the folder.",
        Folders::Id => " What lies in folders that the token does not reach is not found.",
        Folders::Request => " The token must reach the folders of what is named.",
        Folders::Answer => " The answer holds what lies in folders that the token reaches.",
        Folders::All => " The token must reach all folders.",
        Folders::Free => "",
    };
    format!("{who}{folders}")
}

fn security(admits: Admits) -> Value {
    let roles: Vec<&str> = admits.roles().iter().rev().map(|role| role.as_str()).collect();
    if admits == Admits::Invited { json!({ "invitation": [] }) } else { json!({ "token": roles }) }
}
