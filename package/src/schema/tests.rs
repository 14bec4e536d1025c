//! The schemas against the reader: the same keys in every table, and whatever a schema refuses the reader refuses, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use crate::project::ProjectSettings;
use crate::reader::{ASKED, Surroundings, read_package, read_settings};

/// One of each table that a package can have; each task is called `a`.
const TABLES: &str = r#"
[parameters.p]
type = "int64"
[variables.v]
type = "int64"
[connections.c]
kind = "postgres"
url = "x"
[on-error.tasks]
[tasks.outer]
kind = "sequence"
[tasks.before]
kind = "sequence"
[tasks.outer.tasks.b]
kind = "sequence"
after = [{ task = "c" }]
[tasks.outer.tasks.c]
kind = "sequence"
[tasks.n]
kind = "foreach"
numbers = { from = 1, to = 2 }
[tasks.d]
kind = "foreach"
dates = { from = 2024-01-01, to = 2024-01-02 }
[tasks.q]
kind = "foreach"
rows = { connection = "c", statement = "select 1" }
into = ["v"]
[tasks.a]
"#;

/// The least of each kind.
const KINDS: [(&str, &str); 9] = [
    ("process", "command = [\"x\"]"),
    ("sql", "connection = \"c\"\nstatement = \"x\""),
    ("file", "operation = \"delete\"\nfolder = \"/x\"\nfrom = \"y\""),
    ("http", "url = \"http://h/\""),
    ("package", "package = \"other\""),
    ("expression", "assign = \"@v = 1\""),
    ("sequence", ""),
    ("for", "while = \"FALSE\""),
    ("foreach", "files = { folder = \"/x\" }"),
];

/// Which keys the reader asks each table for, by what messages call it.
fn asked(text: &str) -> BTreeMap<String, BTreeSet<&'static str>> {
    ASKED.with_borrow_mut(BTreeMap::clear);
    let _ = read(text);
    ASKED.with_borrow_mut(std::mem::take)
}

fn read(text: &str) -> Result<(), String> {
    let settings = ProjectSettings::default();
    let around = Surroundings { settings: &settings, files: None, siblings: None };
    read_package("p", "p.toml", text.as_bytes(), &around).map(|_| ()).map_err(|problems| problems.to_string())
}

fn keys(schema: &Value) -> BTreeSet<&str> {
    let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("no properties: {schema}"));
    properties.keys().map(String::as_str).collect()
}

#[test]
fn schemas_and_reader_know_the_same_keys() {
    let schema = super::package();
    let defined = &schema["$defs"];
    for (kind, least) in KINDS {
        let asked = asked(&format!("{TABLES}kind = \"{kind}\"\n{least}\n"));
        let task = &asked[&format!("{kind} task `a`")];
        assert_eq!(&keys(&defined[kind]), task, "of {kind}");
        let loops = &defined["foreach"]["properties"];
        for (what, schema) in [
            ("this file", &schema),
            ("parameter `p`", &defined["parameter"]),
            ("variable `v`", &defined["variable"]),
            ("connection `c`", &defined["connection"]),
            ("`on-error`", &defined["handler"]),
            ("`numbers`", &loops["numbers"]),
            ("`dates`", &loops["dates"]),
            ("`rows`", &loops["rows"]["anyOf"][1]),
            ("`after`", &defined["sql"]["properties"]["after"]["anyOf"][0]["items"]["anyOf"][1]),
        ] {
            assert_eq!(
                &keys(schema),
                asked.get(what).unwrap_or_else(|| panic!("{what}: {asked:?}")),
                "{what}"
            );
        }
    }
    let asked = asked("[tasks.a]\nkind = \"foreach\"\nfiles = { folder = \"/x\" }\n");
    assert_eq!(keys(&defined["foreach"]["properties"]["files"]), asked["`files`"]);
    ASKED.with_borrow_mut(BTreeMap::clear);
    read_settings("project.toml", b"name = \"p\"\n").unwrap();
    assert_eq!(keys(&super::project()), ASKED.with_borrow_mut(std::mem::take)["this file"]);
}

#[test]
fn what_the_reader_takes_the_schemas_take() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut packages = vec![crate::reader::WHOLE.to_owned(), crate::reader::PROPERTIES.to_owned()];
    for project in fs::read_dir(examples).unwrap().flatten() {
        let text = fs::read_to_string(project.path().join("project.toml")).unwrap();
        valid(&super::project(), &json(&text)).unwrap_or_else(|why| panic!("{why} in\n{text}"));
        for package in fs::read_dir(project.path().join("packages")).unwrap().flatten() {
            packages.push(fs::read_to_string(package.path()).unwrap());
        }
    }
    assert!(packages.len() > 12);
    for text in packages {
        valid(&super::package(), &json(&text)).unwrap_or_else(|why| panic!("{why} in\n{text}"));
    }
}

#[test]
fn what_a_schema_refuses_the_reader_refuses() {
    let task = |line: &str| format!("[tasks.a]\nkind = \"sequence\"\n{line}\n");
    let texts = [
        "tasks = 3\n".to_owned(),
        "max-concurrent = 0\n".to_owned(),
        "colour = \"red\"\n".to_owned(),
        "[tasks.a]\n".to_owned(),
        "[tasks.a]\nkind = \"program\"\n".to_owned(),
        "[tasks.a]\nkind = \"process\"\n".to_owned(),
        "[tasks.a]\nkind = \"process\"\ncommand = \"x y\"\n".to_owned(),
        "[variables.v]\ntype = \"text\"\n".to_owned(),
        task("retries = 1001"),
        task("join = \"some\""),
        task("timeout = \"soon\""),
        task("force-result = \"sucess\""),
        task("disable = 1"),
        task("after = [{ on = \"success\" }]"),
        task("after = \"last\""),
        task("command = [\"x\"]"),
        task("[tasks.a.on-error]\nretries = 1"),
        "[tasks.a]\nkind = \"foreach\"\nnumbers = { from = 1, to = 2 }\nparallel = 1001\n".to_owned(),
    ];
    for text in texts {
        assert!(valid(&super::package(), &json(&text)).is_err(), "the schema takes\n{text}");
        assert!(read(&text).is_err(), "the reader takes\n{text}");
    }
    let most = task("retries = 1000\ntimeout = \"1h30m\"\nmaximum-errors = 1000000");
    valid(&super::package(), &json(&most)).unwrap();
    read(&most).unwrap();
}

/// A file as JSON: dates and times become texts.
fn json(text: &str) -> Value {
    fn of(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => json!(text),
            DeValue::Integer(number) => json!(number.as_str().replace('_', "").parse::<i64>().unwrap()),
            DeValue::Float(number) => json!(number.as_str().parse::<f64>().unwrap()),
            DeValue::Boolean(truth) => json!(truth),
            DeValue::Datetime(moment) => json!(moment.to_string()),
            DeValue::Array(all) => all.iter().map(|one| of(one.get_ref())).collect(),
            DeValue::Table(table) => object(table),
        }
    }
    fn object(table: &DeTable<'_>) -> Value {
        let entry = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            (key.to_string(), of(value.get_ref()))
        };
        Value::Object(table.iter().map(entry).collect::<Map<String, Value>>())
    }
    object(DeTable::parse(text).unwrap().get_ref())
}

/// Whether `value` is as `schema` says: of JSON Schema what these schemas use.
fn valid(schema: &Value, value: &Value) -> Result<(), String> {
    fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
        let fault = |why: &str| Err(format!("{value} {why}: {schema}"));
        for (key, said) in schema.as_object().unwrap() {
            let all = || said.as_array().unwrap();
            match key.as_str() {
                "$schema" | "title" | "description" | "$defs" | "required" | "additionalProperties" => {}
                "$ref" => {
                    let name = said.as_str().unwrap().strip_prefix("#").unwrap();
                    check(root, root.pointer(name).unwrap(), value)?;
                }
                "const" if said != value => return fault("is another"),
                "enum" if !all().contains(value) => return fault("is none of them"),
                "type" if !is_of(said, value) => return fault("is of another type"),
                "minimum" if value.as_i64() < said.as_i64() => return fault("is too small"),
                "maximum" if value.as_i64() > said.as_i64() => return fault("is too large"),
                "maxItems"
                    if value.as_array().is_some_and(|all| all.len() as u64 > said.as_u64().unwrap()) =>
                {
                    return fault("has too many");
                }
                "pattern" if !value.as_str().is_some_and(|text| fits(said, text)) => {
                    return fault("does not fit the pattern");
                }
                "not" if check(root, said, value).is_ok() => return fault("is what it must not be"),
                "anyOf" if !all().iter().any(|one| check(root, one, value).is_ok()) => {
                    return fault("fits none");
                }
                "oneOf" if all().iter().filter(|one| check(root, one, value).is_ok()).count() != 1 => {
                    return fault("fits not exactly one");
                }
                "items" => {
                    value.as_array().into_iter().flatten().try_for_each(|one| check(root, said, one))?
                }
                "properties" => {}
                "const" | "enum" | "type" | "minimum" | "maximum" | "maxItems" | "pattern" | "not"
                | "anyOf" | "oneOf" => {}
                other => panic!("{other} is not known to this test"),
            }
        }
        let Some(table) = value.as_object() else { return Ok(()) };
        for (key, inside) in table {
            match (schema["properties"].get(key), schema.get("additionalProperties")) {
                (Some(known), _) => check(root, known, inside)?,
                (None, Some(Value::Bool(false))) => return fault(&format!("has {key}")),
                (None, Some(others)) => check(root, others, inside)?,
                (None, None) => {}
            }
        }
        let required = schema["required"].as_array().into_iter().flatten();
        match required.filter_map(Value::as_str).find(|key| !table.contains_key(*key)) {
            Some(missing) => fault(&format!("has no {missing}")),
            None => Ok(()),
        }
    }
    check(schema, schema, value)
}

fn is_of(said: &Value, value: &Value) -> bool {
    let is = |word: &Value| match word.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    said.as_array().map_or_else(|| is(said), |words| words.iter().any(is))
}

/// What the two patterns say: of durations, and of texts with expressions.
fn fits(pattern: &Value, text: &str) -> bool {
    if pattern == r"\{\{" {
        return text.contains("{{");
    }
    !text.is_empty() && text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['d', 'h', 'm', 's'])
}
