//! Who may call which route, and in which folders: all routes by all roles, within and without a token's folder. A route
//! that is added to the router needs a line in `http/routes.rs` and one in [`walk`] here; without, these tests fail.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode, header};
use scaleout_common::api::ErrorCode;
use scaleout_common::ids::ExecutionId;
use scaleout_common::names::Name;
use scaleout_master::catalog::requests::{NewToken, Reach, Role};
use scaleout_master::http::ROUTES;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Answer, Server, request};
use crate::reach::in_audit;
use crate::world::{PROJECT, packed};

/// What the tokens reach, and what they do not. The latter's name is in nothing that they are answered, but where they
/// said it first.
pub(crate) const INSIDE: &str = "demo";
pub(crate) const OUTSIDE: &str = "treasury";

const ROUTER: &str = include_str!("../../src/http/router.rs");

/// What a token for [`INSIDE`] is answered about [`OUTSIDE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outside {
    /// 403 that names the folder.
    Named,
    /// 404, in the same words as for what is not there.
    NotFound,
    /// 200, and what it named is listed as not found.
    LeftOut,
    /// An answer without it, and an admin's with it.
    Filtered,
    /// 403: this is for tokens that reach all folders.
    ForAll,
    /// It has no folder.
    Free,
    /// It asks for an invitation, and no token opens it.
    Invited,
}

struct Step {
    method: Method,
    path: &'static str,
    /// Besides admin.
    roles: &'static [Role],
    outside: Outside,
    body: &'static str,
}

/// All routes that ask for a token.
fn walk() -> Vec<Step> {
    const LOOK: &[Role] = &[Role::Operator, Role::Reader];
    const CHANGE: &[Role] = &[Role::Operator];
    const WORK: &[Role] = &[Role::Worker];
    const NOBODY: &[Role] = &[];
    const SCHEDULE: &str = r#"{"package":"FOLDER/flights/noop","cron":"0 2 * * *","replace":true}"#;
    use Outside::{Filtered, ForAll, Free, Invited, LeftOut, Named, NotFound};
    [
        ("POST", "/api/v1/folders/{folder}/projects", CHANGE, Named, ""),
        ("GET", "/api/v1/projects", LOOK, Filtered, ""),
        ("GET", "/api/v1/projects/{folder}/{project}", LOOK, Named, ""),
        ("PUT", "/api/v1/projects/{folder}/{project}/values", CHANGE, Named, r#"{"values":{"region":"x"}}"#),
        ("GET", "/api/v1/projects/{folder}/{project}/versions", LOOK, Named, ""),
        ("POST", "/api/v1/projects/{folder}/{project}/restore", CHANGE, Named, r#"{"version":1}"#),
        (
            "POST",
            "/api/v1/batches",
            CHANGE,
            Named,
            r#"{"request_id":"NEW","executions":[{"package":"FOLDER/flights/noop"}]}"#,
        ),
        ("GET", "/api/v1/batches/{id}", LOOK, NotFound, ""),
        ("POST", "/api/v1/batches/{id}/cancel", CHANGE, NotFound, ""),
        ("GET", "/api/v1/executions", LOOK, Filtered, ""),
        ("POST", "/api/v1/executions/cancel", CHANGE, LeftOut, r#"{"executions":["ID"]}"#),
        ("POST", "/api/v1/executions/retry", CHANGE, NotFound, r#"{"request_id":"NEW","executions":["ID"]}"#),
        ("GET", "/api/v1/executions/{id}", LOOK, NotFound, ""),
        ("GET", "/api/v1/executions/{id}/executables", LOOK, NotFound, ""),
        ("GET", "/api/v1/executions/{id}/explain", LOOK, NotFound, ""),
        ("GET", "/api/v1/executions/{id}/messages", LOOK, NotFound, ""),
        ("GET", "/api/v1/executions/{id}/messages/stream", LOOK, NotFound, ""),
        ("GET", "/api/v1/executions/{id}/values", WORK, ForAll, ""),
        ("GET", "/api/v1/bundles/{hash}", WORK, ForAll, ""),
        ("GET", "/api/v1/limits", LOOK, Filtered, ""),
        ("PUT", "/api/v1/limits/{name}", CHANGE, Named, r#"{"at_most":3}"#),
        ("DELETE", "/api/v1/limits/{name}", CHANGE, Named, ""),
        ("GET", "/api/v1/schedules", LOOK, Filtered, ""),
        ("PUT", "/api/v1/schedules/{name}", CHANGE, Named, SCHEDULE),
        ("GET", "/api/v1/schedules/{name}", LOOK, NotFound, ""),
        ("GET", "/api/v1/schedules/{name}/next", LOOK, NotFound, ""),
        ("POST", "/api/v1/schedules/{name}/pause", CHANGE, NotFound, ""),
        ("POST", "/api/v1/schedules/{name}/resume", CHANGE, NotFound, ""),
        ("GET", "/api/v1/workers", LOOK, Free, ""),
        ("GET", "/api/v1/workers/{worker}", LOOK, Filtered, ""),
        ("PATCH", "/api/v1/workers/{worker}", CHANGE, ForAll, r#"{"description":"x"}"#),
        ("POST", "/api/v1/workers/{worker}/enable", CHANGE, ForAll, ""),
        ("POST", "/api/v1/workers/{worker}/disable", CHANGE, ForAll, ""),
        ("POST", "/api/v1/workers/{worker}/drain", CHANGE, ForAll, ""),
        ("POST", "/api/v1/broker/rebuild", CHANGE, ForAll, ""),
        ("GET", "/api/v1/status", LOOK, Free, ""),
        ("GET", "/api/v1/audit", NOBODY, ForAll, ""),
        ("GET", "/metrics", LOOK, Free, ""),
        ("POST", "/api/v1/invitations", NOBODY, ForAll, r#"{"pools":[],"valid_s":60}"#),
        ("POST", "/api/v1/join", NOBODY, Invited, r#"{"host":"rack-9"}"#),
        // Last: the others need them.
        ("DELETE", "/api/v1/projects/{folder}/{project}", CHANGE, Named, ""),
        ("DELETE", "/api/v1/schedules/{name}", CHANGE, NotFound, ""),
    ]
    .into_iter()
    .map(|(method, path, roles, outside, body)| Step {
        method: method.parse().unwrap(),
        path,
        roles,
        outside,
        body,
    })
    .collect()
}

/// Things in a folder.
pub(crate) struct Place {
    pub(crate) folder: &'static str,
    /// Its name does not tell the folder's.
    pub(crate) schedule: &'static str,
    batch: String,
    execution: ExecutionId,
}

/// A project with one execution in both folders, and a worker that runs what lies outside.
pub(crate) async fn arranged() -> (Server, Place, Place) {
    let mut server = Server::start().await;
    let mut places = Vec::new();
    for (folder, schedule) in [(INSIDE, "night"), (OUTSIDE, "dawn")] {
        let deployed =
            server.call(Method::POST, &format!("/api/v1/folders/{folder}/projects"), packed(PROJECT)).await;
        assert_eq!(deployed.status, StatusCode::OK);
        let wanted = json!({ "request_id": Uuid::new_v4(), "executions": [{ "package": format!("{folder}/flights/noop") }] });
        let accepted: Value = server.post("/api/v1/batches", wanted).await.json();
        let execution = server.dispatches.try_recv().unwrap().tasks[0].0;
        let wanted = json!({ "package": format!("{folder}/flights/noop"), "cron": "0 2 * * *" }).to_string();
        let set = server.call(Method::PUT, &format!("/api/v1/schedules/{schedule}"), wanted).await;
        assert_eq!(set.status, StatusCode::OK);
        places.push(Place {
            folder,
            schedule,
            batch: accepted["batch"].as_str().unwrap().to_owned(),
            execution,
        });
        let limit = format!("/api/v1/limits/{folder}%2Fflights%2Fnoop");
        let limit = server.call(Method::PUT, &limit, r#"{"at_most":100}"#).await;
        assert_eq!(limit.status, StatusCode::OK);
    }
    let outside = places.pop().unwrap();
    let session = server.world.online_worker("rack-1").await;
    server.world.hold(session, &[outside.execution]).await;
    (server, places.pop().unwrap(), outside)
}

impl Step {
    async fn take(&self, server: &Server, token: &str, place: &Place) -> Answer {
        let id =
            if self.path.contains("batches") { place.batch.clone() } else { place.execution.to_string() };
        let limit = format!("{}%2Fflights%2Fnoop", place.folder);
        let path = [
            ("{folder}", place.folder),
            ("{project}", "flights"),
            ("{id}", &id),
            ("{hash}", "x"),
            ("{worker}", "rack-1"),
            ("{name}", if self.path.contains("schedules") { place.schedule } else { &limit }),
        ]
        .into_iter()
        .fold(self.path.to_owned(), |path, (from, to)| path.replace(from, to));
        let body = self.body.replace("FOLDER", place.folder).replace("ID", &place.execution.to_string());
        let body = body.replace("NEW", &Uuid::new_v4().to_string());
        let request = request(self.method.clone(), &path, Some(token), body);
        if self.path.ends_with("/stream") { server.begin(request).await } else { server.send(request).await }
    }

    fn told(&self, role: Role, answer: &Answer) -> String {
        let body = String::from_utf8_lossy(&answer.body);
        format!("{role} {} {}: {} {body}", self.method, self.path, answer.status)
    }
}

/// The routes as the router's text has them: what stands nowhere else cannot be forgotten.
fn routed() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for part in ROUTER.split(".route(").skip(1) {
        let (path, rest) = part.trim_start().trim_start_matches('"').split_once('"').unwrap();
        let handlers = rest.split(".route(").next().unwrap();
        let handlers = handlers.split(".method_not_allowed").next().unwrap();
        let methods = ["get", "post", "put", "patch", "delete"];
        for method in methods.into_iter().filter(|method| handlers.contains(&format!("{method}("))) {
            let prefix = if path.starts_with("/metrics") || path.ends_with('z') { "" } else { "/api/v1" };
            found.insert((method.to_uppercase(), format!("{prefix}{path}")));
        }
    }
    // Without a token: what the API is, whether the master lives, and what it misses.
    assert!(found.remove(&("GET".to_owned(), "/api/v1/openapi.json".to_owned())));
    assert!(found.remove(&("GET".to_owned(), "/healthz".to_owned())));
    assert!(found.remove(&("GET".to_owned(), "/readyz".to_owned())));
    found
}

#[test]
fn every_route_stands_in_both_lists() {
    // Routes that come from elsewhere would not be seen.
    assert_eq!((ROUTER.matches(".nest(").count(), ROUTER.matches(".merge(").count()), (1, 1));
    let pairs = |method: &Method, path: &str| (method.to_string(), path.to_owned());
    let listed: BTreeSet<_> = ROUTES.iter().map(|route| pairs(&route.method, route.path)).collect();
    let walked: BTreeSet<_> = walk().iter().map(|step| pairs(&step.method, step.path)).collect();
    assert!(routed().len() >= 40);
    assert_eq!(routed(), listed, "the router and ROUTES in http/routes.rs");
    assert_eq!(listed, walked, "ROUTES and walk() here");
}

#[tokio::test]
async fn no_route_is_open_without_a_token() {
    let (server, inside, _) = arranged().await;
    for step in walk() {
        for token in ["so_nonsense", ""] {
            let answer = step.take(&server, token, &inside).await;
            let error = answer.error(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated);
            assert!(error.hint.unwrap().contains("scaleout token create"), "{}", step.path);
            assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
    }
}

#[tokio::test]
async fn each_role_reaches_as_far_as_it_may() {
    let (server, inside, outside) = arranged().await;
    // Who changes nothing comes first.
    for role in [Role::Worker, Role::Reader, Role::Operator, Role::Admin] {
        let token = server.token(role).await;
        for step in walk() {
            for place in [&inside, &outside] {
                let answer = step.take(&server, &token, place).await;
                let told = step.told(role, &answer);
                if step.outside == Outside::Invited {
                    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{told}");
                } else if role == Role::Admin || step.roles.contains(&role) {
                    assert!(
                        ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status),
                        "{told}"
                    );
                    if role == Role::Reader {
                        assert_eq!(answer.status, StatusCode::OK, "{told}");
                    }
                } else {
                    let error = answer.error(StatusCode::FORBIDDEN, ErrorCode::Forbidden);
                    let needed = step.roles.last().copied().unwrap_or(Role::Admin);
                    assert!(error.message.contains(&format!("the role {needed} is needed")), "{told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_for_a_folder_stays_in_it() {
    let (server, inside, outside) = arranged().await;
    let reach = Reach::Folders([Name::new(INSIDE).unwrap()].into());
    for role in [Role::Reader, Role::Operator] {
        let name = format!("bound-{role}");
        let new = NewToken { name: &name, role, reach: reach.clone(), expires_in: None };
        let token = server.world.catalog.make_token(&new).await.unwrap();
        for step in walk().into_iter().filter(|step| step.roles.contains(&role)) {
            check_outside(&server, &step, role, &token, &outside).await;
            let answer = step.take(&server, &token, &inside).await;
            let told = step.told(role, &answer);
            match step.outside {
                Outside::ForAll => assert_eq!(answer.status, StatusCode::FORBIDDEN, "{told}"),
                _ => assert!(
                    ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status),
                    "{told}"
                ),
            }
            assert!(!told.contains(OUTSIDE), "{told}");
        }
    }
    // Nothing that was refused was done.
    let world = &server.world;
    let untouched =
        "select count(*) from internal.executions e join internal.package_paths p using (package_id)
                     where p.path like 'treasury/%' and e.status = 2";
    assert_eq!(world.number(untouched).await, 1);
    assert_eq!(
        world
            .number("select count(*) from internal.limits where name like 'treasury/%' and at_most = 100")
            .await,
        1
    );
    let schedules = "select count(*) from internal.schedules where folder = 'treasury' and paused_at is null";
    assert_eq!(world.number(schedules).await, 1);
    assert_eq!(world.number("select count(*) from internal.project_versions v join internal.projects p on p.id = v.project_id
                             join internal.folders f on f.id = p.folder_id where f.name = 'treasury'").await, 1);
}

async fn check_outside(server: &Server, step: &Step, role: Role, token: &str, outside: &Place) {
    let answer = step.take(server, token, outside).await;
    let told = step.told(role, &answer);
    match step.outside {
        Outside::Named => {
            let error = answer.error(StatusCode::FORBIDDEN, ErrorCode::Forbidden);
            assert!(
                error.message.contains("is for the folder demo: it does not reach the folder treasury"),
                "{told}"
            );
        }
        Outside::NotFound => {
            let error = answer.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
            let nowhere = Place {
                folder: OUTSIDE,
                schedule: "noon",
                batch: Uuid::new_v4().to_string(),
                execution: ExecutionId(Uuid::new_v4()),
            };
            let missing =
                step.take(server, token, &nowhere).await.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
            let plain = |text: &str, place: &Place| {
                let text = text.replace(&place.execution.to_string(), "ID").replace(&place.batch, "ID");
                text.replace(place.schedule, "ID")
            };
            assert_eq!(plain(&error.message, outside), plain(&missing.message, &nowhere), "{told}");
            assert_eq!(error.hint, missing.hint, "{told}");
            assert!(!told.contains(OUTSIDE), "{told}");
        }
        Outside::LeftOut => {
            let left: Value = answer.json();
            assert_eq!(left["not_found"], json!([outside.execution]), "{told}");
            in_audit(server, &format!("who=bound-{role}&action=execution.cancel"), &outside.execution).await;
        }
        Outside::Filtered => {
            assert_eq!(answer.status, StatusCode::OK, "{told}");
            assert!(!told.contains(OUTSIDE), "{told}");
            let all = step.take(server, &server.admin, outside).await;
            assert!(
                String::from_utf8_lossy(&all.body).contains(OUTSIDE),
                "an admin sees it: {}",
                step.told(Role::Admin, &all)
            );
        }
        Outside::ForAll => {
            let error = answer.error(StatusCode::FORBIDDEN, ErrorCode::Forbidden);
            assert!(error.message.contains("needs a token for all folders"), "{told}");
        }
        Outside::Invited => assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{told}"),
        Outside::Free => {
            assert_eq!(answer.status, StatusCode::OK, "{told}");
            assert!(!told.contains(OUTSIDE), "{told}");
        }
    }
}
