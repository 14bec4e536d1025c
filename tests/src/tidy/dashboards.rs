//! Dashboards can be imported anywhere, and answer what an operator asks; alerts say what to do.

use serde_json::Value;

use super::{Finding, Tree};

const DASHBOARDS: &str = "deploy/grafana/";
const ALERTS: &str = "deploy/prometheus/alerts.yml";

/// Where panels read from: whoever imports the dashboard chooses.
const SOURCE: &str = "${datasource}";

/// The rows that a dashboard has, in this order.
const QUESTIONS: [&str; 7] = [
    "Is it healthy?",
    "What waits, and since when?",
    "How much gets done?",
    "How long does it take?",
    "Workers",
    "Broker",
    "Masters",
];

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

/// What every alert says.
const SAID: [&str; 4] = ["expr:", "severity:", "summary:", "description:"];

/// What is missing or in two places at once.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let dashboards = tree.files().filter(|(path, _)| path.starts_with(DASHBOARDS));
    let mut found: Vec<Finding> = dashboards.flat_map(|(path, text)| dashboard(path, text)).collect();
    match tree.get(ALERTS) {
        Some(text) => found.extend(alerts(text)),
        None => found.push(Finding::whole(ALERTS, "is not there")),
    }
    if !tree.has(DASHBOARDS.trim_end_matches('/')) {
        found.push(Finding::whole(DASHBOARDS, "holds no dashboard"));
    }
    found
}

fn dashboard(path: &str, text: &str) -> Vec<Finding> {
    let dashboard: Value = match serde_json::from_str(text) {
        Ok(dashboard) => dashboard,
        Err(error) => return vec![Finding::whole(path, format!("is no JSON: {error}"))],
    };
    let mut problems = Vec::new();
    let variables = list(&dashboard["templating"]["list"]);
    if !variables.iter().any(|one| one["name"] == "datasource" && one["type"] == "datasource") {
        problems.push("has no variable for its data source".to_owned());
    }
    let panels = list(&dashboard["panels"]);
    let rows: Vec<&str> =
        panels.iter().filter(|one| one["type"] == "row").map(|one| text_of(one, "title")).collect();
    if rows != QUESTIONS {
        problems.push(format!("has the rows {rows:?} instead of {QUESTIONS:?}"));
    }
    for (index, panel) in panels.iter().enumerate() {
        if panel["type"] != "row" {
            problems.extend(of_panel(panel));
        }
        let before = &panels[..index];
        if before.iter().any(|other| other["id"] == panel["id"]) {
            problems.push(format!("{:?} has the id of another panel", text_of(panel, "title")));
        }
        if let Some(other) = before.iter().find(|other| overlap(other, panel)) {
            problems.push(format!("{:?} lies on {:?}", text_of(panel, "title"), text_of(other, "title")));
        }
    }
    problems.into_iter().map(|problem| Finding::whole(path, problem)).collect()
}

fn of_panel(panel: &Value) -> Vec<String> {
    let title = text_of(panel, "title");
    let mut problems = Vec::new();
    if title.is_empty() || text_of(panel, "description").is_empty() {
        problems.push(format!("the panel {title:?} does not say what it shows"));
    }
    let targets = list(&panel["targets"]);
    if targets.is_empty() || targets.iter().any(|target| text_of(target, "expr").is_empty()) {
        problems.push(format!("the panel {title:?} asks for nothing"));
    }
    let sources = targets.iter().chain([panel]).map(|one| &one["datasource"]["uid"]);
    if sources.into_iter().any(|source| source != SOURCE) {
        problems.push(format!("the panel {title:?} reads from a data source of its own"));
    }
    problems
}

fn overlap(one: &Value, other: &Value) -> bool {
    let place = |panel: &Value| {
        ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap_or(COLUMNS + 1))
    };
    let ([x, y, w, h], [other_x, other_y, other_w, other_h]) = (place(one), place(other));
    let is_outside = x + w > COLUMNS || other_x + other_w > COLUMNS;
    is_outside || x < other_x + other_w && other_x < x + w && y < other_y + other_h && other_y < y + h
}

fn alerts(text: &str) -> Vec<Finding> {
    let rules: Vec<&str> = text.split("- alert:").skip(1).collect();
    let mut found = Vec::new();
    if rules.is_empty() {
        found.push(Finding::whole(ALERTS, "holds no alert"));
    }
    for rule in rules {
        let name = rule.lines().next().unwrap_or_default().trim();
        for said in SAID.into_iter().filter(|said| !rule.contains(said)) {
            found.push(Finding::whole(ALERTS, format!("the alert {name} has no {said}")));
        }
    }
    found
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text_of<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALERT: &str = "- alert: A\n  expr: up\n  severity: info\n  summary: s\n  description: d\n";

    /// A dashboard with all rows and one panel, after `change`.
    fn found(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let source = json!({ "type": "prometheus", "uid": SOURCE });
        let row = |(index, title): (usize, &&str)| json!({ "id": index, "type": "row", "title": title, "gridPos": { "x": 0, "y": index, "w": 24, "h": 1 } });
        let mut panels: Vec<Value> = QUESTIONS.iter().enumerate().map(row).collect();
        panels.push(json!({
            "id": 50, "type": "stat", "title": "t", "description": "d", "datasource": source,
            "gridPos": { "x": 0, "y": 50, "w": 12, "h": 8 },
            "targets": [{ "expr": "up", "datasource": source }],
        }));
        let variables = json!([{ "name": "datasource", "type": "datasource" }]);
        let mut dashboard = json!({ "templating": { "list": variables }, "panels": panels });
        change(&mut dashboard);
        let text = dashboard.to_string();
        let tree = Tree::of(&[("deploy/grafana/a.json", &text), (ALERTS, ALERT)]);
        check(&tree).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn what_a_dashboard_lacks_is_found() {
        assert_eq!(found(|_| {}), [""; 0]);
        let panel = |field: &'static str, value: Value| found(|all| all["panels"][7][field] = value);
        assert_eq!(panel("title", json!("")), ["the panel \"\" does not say what it shows"]);
        assert_eq!(panel("targets", json!([])), ["the panel \"t\" asks for nothing"]);
        assert_eq!(panel("id", json!(3)), ["\"t\" has the id of another panel"]);
        assert_eq!(
            panel("datasource", json!({ "uid": "mine" })),
            ["the panel \"t\" reads from a data source of its own"]
        );
        assert_eq!(panel("gridPos", json!({ "x": 3, "y": 2, "w": 5, "h": 1 })).len(), 1);
        assert_eq!(found(|all| all["templating"] = json!({})), ["has no variable for its data source"]);
        assert_eq!(found(|all| all["panels"][0]["title"] = json!("Hello")).len(), 1);
    }

    #[test]
    fn what_is_missing_altogether_and_alerts_that_say_too_little_are_found() {
        let problems = |files: &[(&str, &str)]| check(&Tree::of(files)).len();
        assert_eq!(problems(&[]), 2);
        assert_eq!(problems(&[("deploy/grafana/a.json", "{"), (ALERTS, ALERT)]), 1);
        assert_eq!(
            problems(&[("deploy/grafana/a.json", "{"), (ALERTS, &ALERT.replace("summary: s", ""))]),
            2
        );
        assert_eq!(problems(&[("deploy/grafana/a.json", "{"), (ALERTS, "groups:\n")]), 2);
    }
}
