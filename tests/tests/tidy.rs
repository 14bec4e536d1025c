//! Holds the house rules on the repository itself. Each rule proves in `src/tidy/` that it would notice a breach.

use scaleout_tests::tidy::{
    Exceptions, Finding, Tree, dashboards, imports, layout, licences, links, metrics, names, places,
    promises, routes, settings, sizes, statuses, text, words,
};

fn tree() -> Tree {
    Tree::of_repository().expect("the repository can be read")
}

fn exceptions() -> Exceptions {
    Exceptions::of_repository().unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn none(rule: &str, found: &[Finding]) {
    let told: Vec<String> = found.iter().map(|finding| format!("  {finding}")).collect();
    assert!(found.is_empty(), "{rule}: {} found\n{}", found.len(), told.join("\n"));
}

#[test]
fn crates_import_in_order() {
    none("import order", &imports::check(&tree()));
}

#[test]
fn crates_import_in_no_circle() {
    let mut graph = imports::graph(&tree());
    assert!(graph.len() >= 9, "the crates were not found: {graph:?}");
    while let Some(free) = graph.iter().find(|(_, needs)| needs.is_empty()).map(|(name, _)| name.clone()) {
        graph.remove(&free);
        graph.values_mut().for_each(|needs| needs.retain(|name| *name != free));
    }
    assert!(graph.is_empty(), "these import each other in a circle: {graph:?}");
}

#[test]
fn everything_is_in_its_place() {
    none("places", &places::check(&tree()));
}

#[test]
fn files_say_what_they_are_for_and_declaring_files_only_declare() {
    none("layout", &layout::check(&tree(), &exceptions()));
}

#[test]
fn files_and_functions_are_short() {
    let tree = tree();
    for size in sizes::over_aims(&tree) {
        eprintln!("over the aim: {} has {} lines", size.name, size.lines);
    }
    none("sizes", &sizes::check(&tree, &exceptions()));
}

#[test]
fn every_exception_is_needed() {
    let (tree, exceptions) = (tree(), exceptions());
    let spent = [sizes::spent(&tree, &exceptions), layout::spent(&tree, &exceptions)].concat();
    assert!(spent.is_empty(), "no longer needed in exceptions.txt, or too large there: {spent:?}");
}

#[test]
fn names_say_something() {
    none("names", &names::check(&tree()));
}

#[test]
fn no_lint_is_silenced_and_nothing_is_left_undone() {
    none("words", &words::check(&tree()));
}

#[test]
fn texts_are_clean() {
    none("texts", &text::check(&tree()));
}

#[test]
fn metrics_that_are_named_are_there_and_all_are_told() {
    let known = scaleout_master::metrics::names::ALL;
    let is_histogram = |kind| matches!(kind, scaleout_master::metrics::names::Kind::Histogram(_));
    let known: Vec<_> = known.iter().map(|metric| (metric.name, is_histogram(metric.kind))).collect();
    none("metrics", &metrics::check(&tree(), &known));
}

#[test]
fn dashboards_and_alerts_say_what_they_are_for() {
    none("dashboards", &dashboards::check(&tree()));
}

#[test]
fn links_lead_somewhere() {
    none("links", &links::check(&tree()));
}

#[test]
fn the_document_of_the_api_has_each_route_and_no_other() {
    none("routes", &routes::check(&tree()));
}

#[test]
fn the_diagram_of_statuses_is_that_of_the_code() {
    none("statuses", &statuses::check(&tree()));
}

#[test]
fn every_promise_names_tests_that_are_there() {
    none("promises", &promises::check(&tree()));
}

#[test]
fn licences_and_sources_of_dependencies_are_those_that_are_allowed() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = std::process::Command::new(cargo);
    metadata.args(["metadata", "--format-version", "1", "--locked"]);
    let told = metadata.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo can be started");
    assert!(told.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&told.stderr));
    none("licences", &licences::check(&tree(), &String::from_utf8_lossy(&told.stdout)));
}

#[test]
fn the_page_of_settings_is_what_the_defaults_make_of_it() {
    if std::env::var_os("SCALEOUT_WRITE").is_some() {
        let page =
            settings::page(scaleout_common::settings::DEFAULT_TOML).unwrap_or_else(|found| panic!("{found}"));
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(settings::DOCUMENT);
        std::fs::write(path, page).expect("the page can be written");
    }
    none("settings", &settings::check(&tree()));
}

#[test]
fn the_openapi_document_is_what_the_code_makes() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("docs/openapi.json");
    let made = scaleout_master::http::openapi_text();
    if std::env::var_os("SCALEOUT_WRITE").is_some() {
        std::fs::write(&path, &made).expect("the document can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/openapi.json is there: `make docs` writes it");
    let line = kept.lines().zip(made.lines()).take_while(|(kept, made)| kept == made).count() + 1;
    assert!(kept == made, "docs/openapi.json:{line}: is not what the code makes: run `make docs`");
}
