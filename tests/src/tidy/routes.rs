//! docs/api.md has each route of the HTTP API in its table of endpoints, and none that is not there. What a segment is
//! called may differ: people are told more than the router needs.

use std::collections::BTreeSet;

use super::{Finding, Tree};

const DOCUMENT: &str = "docs/api.md";
const ROUTER: &str = "master/src/http/router.rs";

/// What a router calls the methods.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Routes that one of the two has and the other has not.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let [served, told] =
        [routed(tree.get(ROUTER).unwrap_or_default()), told(tree.get(DOCUMENT).unwrap_or_default())];
    if served.is_empty() {
        return vec![Finding::whole(ROUTER, "has no route that can be read".to_owned())];
    }
    let untold =
        served.difference(&told).map(|route| Finding::whole(DOCUMENT, format!("does not tell of {route}")));
    let unserved =
        told.difference(&served).map(|route| Finding::whole(DOCUMENT, format!("{route} is no route")));
    untold.chain(unserved).collect()
}

/// `METHOD /path` of each call of `route("/path", get(…).put(…))`.
fn routed(code: &str) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for call in code.split(".route(").skip(1) {
        let call = &call[..call_length(call)];
        let Some((_, rest)) = call.split_once('"') else { continue };
        let Some((path, handlers)) = rest.split_once('"') else { continue };
        let words = handlers.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '(' && c != ':');
        for word in words {
            let method = word.split('(').next().unwrap_or_default();
            if word.contains('(') && METHODS.contains(&method) {
                routes.insert(route(method, path));
            }
        }
    }
    routes
}

/// Up to the parenthesis that closes the one before.
fn call_length(text: &str) -> usize {
    let mut depth = 1_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    text.len()
}

/// `METHOD /path` that begins a line of a table: its first cell, in backquotes.
fn told(document: &str) -> BTreeSet<String> {
    let cells = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let routes = cells.filter_map(|(cell, _)| cell.split_once(' '));
    let known = routes.filter(|(method, path)| {
        METHODS.contains(&method.to_ascii_lowercase().as_str()) && path.starts_with('/')
    });
    known.map(|(method, path)| route(method, path)).collect()
}

/// With what is between braces left out.
fn route(method: &str, path: &str) -> String {
    let segments: Vec<&str> =
        path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect();
    format!("{} {}", method.to_ascii_uppercase(), segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "fn routes() {\n    Router::new()\n        .route(\"/things\", get(things::list))\n        \
                        .route(\n            \"/things/{thing}\",\n            \
                        put(things::set).delete(things::get_rid_of),\n        )\n        .nest(\"/x\", other())\n}\n";

    fn found(document: &str) -> Vec<String> {
        let tree = Tree::of(&[(ROUTER, CODE), (DOCUMENT, document)]);
        check(&tree).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn routes_that_are_not_told_and_tales_of_no_route_are_found() {
        let whole = "| `GET /things` | | |\n| `PUT /things/{name or id}` | |\n| `DELETE /things/{x}` |\n`GET /other`\n";
        assert_eq!(found(whole), [""; 0]);
        let lacks = whole.replace("| `DELETE /things/{x}` |\n", "");
        assert_eq!(found(&lacks), ["does not tell of DELETE /things/{}"]);
        assert_eq!(found(&format!("{whole}| `GET /gone` | |\n")), ["GET /gone is no route"]);
        assert_eq!(check(&Tree::of(&[(DOCUMENT, whole)])).len(), 1);
    }
}
