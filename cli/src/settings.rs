//! Merges the layers of the settings: `default.toml`, the settings file, `SCALEOUT__SECTION__KEY` from the
//! environment, flags; later ones win. The only file that knows figment. Reads no environment of its own: the
//! variables are an argument.

use std::path::Path;

use figment::error::Kind;
use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use scaleout_common::MASK;
use scaleout_common::settings::{DEFAULT_TOML, Settings, without_password};
use scaleout_package::nearest::nearest;
use secrecy::SecretString;
use serde::Serialize;

use crate::exit::Failure;

/// What every variable for a setting begins with.
pub(crate) const VARIABLE_PREFIX: &str = "SCALEOUT__";

/// The merged settings, and where each came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    figment: Figment,
}

/// One line of `scaleout config show`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    pub(crate) setting: String,
    pub(crate) value: serde_json::Value,
    pub(crate) source: String,
}

/// Merges and checks all layers. `flags` are settings by name (`master.listen`) with their text.
///
/// # Errors
/// A file that cannot be read, an unknown setting (with the nearest known one), a value of a wrong type or out of
/// its range.
pub(crate) fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(&str, String)],
) -> Result<Loaded, Failure> {
    let defaults = Figment::from(Given::defaults()?);
    let mut figment = defaults.clone();
    if let Some(path) = file {
        figment = figment.merge(Given::file(path)?);
    }
    for (variable, text) in environment {
        if let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) {
            let setting = name.to_lowercase().replace("__", ".");
            let source = format!("environment variable {variable}");
            figment = figment.merge(Given::one(&defaults, &setting, &text, source)?);
        }
    }
    for (setting, text) in flags {
        figment = figment.merge(Given::one(&defaults, setting, text, "command line".to_owned())?);
    }
    let settings: Settings = figment.extract().map_err(explain)?;
    settings.check().map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Loaded { settings, figment })
}

impl Loaded {
    /// Whether no layer above `default.toml` sets `setting`.
    pub(crate) fn is_default(&self, setting: &str) -> bool {
        self.source(setting) == DEFAULT_SOURCE
    }

    /// Every setting with its value (secrets masked) and where that came from.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        setting_names(&self.figment)
            .into_iter()
            .map(|setting| {
                let found = self.figment.find_value(&setting).ok();
                let value = found.map(|value| masked(&setting, &value)).unwrap_or_default();
                let source = self.source(&setting);
                Shown { setting, value, source }
            })
            .collect()
    }

    fn source(&self, setting: &str) -> String {
        self.figment
            .find_metadata(setting)
            .map_or_else(|| DEFAULT_SOURCE.to_owned(), |from| from.name.to_string())
    }
}

const DEFAULT_SOURCE: &str = "default";

/// One layer, or one setting of one.
struct Given {
    source: String,
    values: Dict,
}

impl Given {
    fn defaults() -> Result<Self, Failure> {
        Self::toml(DEFAULT_TOML, DEFAULT_SOURCE.to_owned())
    }

    fn file(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read the settings file {}: {error}", path.display()))
                .hint("it is named by --settings or SCALEOUT_SETTINGS")
        })?;
        Self::toml(&text, path.display().to_string())
    }

    fn toml(text: &str, source: String) -> Result<Self, Failure> {
        let values = Toml::from_str::<Dict>(text)
            .map_err(|error| Failure::usage(format!("{source} is no settings file: {error}")))?;
        Ok(Self { source, values })
    }

    /// The type of the default says how the text is read: a token of digits is a text nevertheless.
    fn one(defaults: &Figment, setting: &str, text: &str, source: String) -> Result<Self, Failure> {
        let value = match defaults.find_value(setting) {
            Ok(Value::Dict(..)) | Err(_) => {
                return Err(unknown(setting, &source, setting_names(defaults).iter().map(String::as_str)));
            }
            Ok(Value::String(..)) => Value::from(text),
            // `a,b` is the same as `["a", "b"]`.
            Ok(Value::Array(..)) if !text.trim_start().starts_with('[') => list(text),
            Ok(_) => text.parse().unwrap_or_else(|never| match never {}),
        };
        let Some((section, key)) = setting.split_once('.') else {
            return Err(unknown(setting, &source, []));
        };
        let inner = Dict::from([(key.to_owned(), value)]);
        Ok(Self { source, values: Dict::from([(section.to_owned(), inner.into())]) })
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

fn list(text: &str) -> Value {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect::<Vec<_>>().into()
}

fn unknown<'a>(setting: &str, source: &str, known: impl IntoIterator<Item = &'a str>) -> Failure {
    let failure = Failure::usage(format!("unknown setting {setting} ({source})"));
    match nearest(setting, known) {
        Some(word) => failure.hint(format!("did you mean {word}?")),
        None => failure.hint("`scaleout config show` lists every setting"),
    }
}

fn explain(error: Error) -> Failure {
    let source = error.metadata.as_ref().map_or_else(|| "settings".to_owned(), |from| from.name.to_string());
    let path = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(found, expected) => {
            let section = path.strip_suffix(found.as_str()).unwrap_or(&path).trim_end_matches('.');
            let full =
                |key: &str| if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            let known: Vec<String> = expected.iter().map(|key| full(key)).collect();
            unknown(&full(found), &source, known.iter().map(String::as_str))
        }
        kind => Failure::usage(format!("setting {path} ({source}): {kind}")),
    }
}

fn setting_names(figment: &Figment) -> Vec<String> {
    let Ok(sections) = figment.extract::<std::collections::BTreeMap<String, Value>>() else {
        return Vec::new();
    };
    let of_section = |(section, value): (String, Value)| match value {
        Value::Dict(_, keys) => keys.into_keys().map(|key| format!("{section}.{key}")).collect::<Vec<_>>(),
        _ => vec![section],
    };
    sections.into_iter().flat_map(of_section).collect()
}

fn masked(setting: &str, value: &Value) -> serde_json::Value {
    match value.as_str() {
        Some("") => "".into(),
        Some(_) if setting.ends_with(".token") => MASK.into(),
        Some(url) if setting.ends_with("url") => without_password(&SecretString::from(url.to_owned())).into(),
        None if setting.ends_with("urls") => match value.as_array() {
            Some(urls) => urls.iter().map(|url| masked("url", url)).collect(),
            None => serde_json::Value::Null,
        },
        _ => serde_json::to_value(value).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn variable(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn the_defaults_alone_are_complete() {
        let loaded = load(None, [], &[]).unwrap();
        assert_eq!(loaded.settings.master.listen.to_string(), "127.0.0.1:8391");
        assert!(loaded.is_default("api.url"));
    }

    #[test]
    fn later_layers_win_and_say_where_they_come_from() {
        let file = file("[worker]\ncapacity = 3\nname = \"from-file\"\n[api]\nurl = \"http://a:1\"\n");
        let variables = [
            variable("SCALEOUT__WORKER__NAME", "123"),
            variable("SCALEOUT__WORKER__POOLS", "etl, fast"),
            variable("SCALEOUT__WORKER__MASTER_URLS", r#"["http://a:1", "http://b:1"]"#),
            variable("SCALEOUT__MASTER__INSECURE", "true"),
            variable("SCALEOUT_URL", "not a setting"),
        ];
        let flags = [("worker.capacity", "7".to_owned())];
        let loaded = load(Some(file.path()), variables, &flags).unwrap();
        let worker = &loaded.settings.worker;
        assert_eq!((worker.capacity, worker.name.as_str()), (7, "123"));
        assert_eq!(worker.pools.iter().map(|pool| pool.as_str()).collect::<Vec<_>>(), ["etl", "fast"]);
        assert_eq!(worker.master_urls, ["http://a:1", "http://b:1"]);
        assert!(loaded.settings.master.insecure);
        assert!(!loaded.is_default("api.url"));
        let shown = loaded.shown();
        let source =
            |setting: &str| shown.iter().find(|line| line.setting == setting).unwrap().source.clone();
        assert_eq!(source("worker.name"), "environment variable SCALEOUT__WORKER__NAME");
        assert_eq!(source("worker.capacity"), "command line");
        assert_eq!(source("api.url"), file.path().display().to_string());
        assert_eq!(source("log.filter"), "default");
    }

    #[test]
    fn an_unknown_setting_names_the_nearest() {
        let file = file("[worker]\ncapasity = 3\n");
        let failure = load(Some(file.path()), [], &[]).unwrap_err();
        let place = file.path().display();
        assert_eq!(
            failure.text(),
            format!("error: unknown setting worker.capasity ({place})\nhint: did you mean worker.capacity?")
        );

        let failure = load(None, [variable("SCALEOUT__MASTER__LISTN", "x")], &[]).unwrap_err();
        assert_eq!(
            failure.text(),
            "error: unknown setting master.listn (environment variable SCALEOUT__MASTER__LISTN)\n\
             hint: did you mean master.listen?"
        );
    }

    #[test]
    fn a_bad_value_names_setting_and_source() {
        let failure = load(None, [variable("SCALEOUT__WORKER__CAPACITY", "many")], &[]).unwrap_err();
        assert!(failure.message.contains("worker.capacity"), "{}", failure.message);
        assert!(failure.message.contains("SCALEOUT__WORKER__CAPACITY"), "{}", failure.message);
        let failure = load(None, [], &[("worker.capacity", "10001".to_owned())]).unwrap_err();
        assert!(failure.message.contains("worker.capacity is 10001"), "{}", failure.message);
        let broken = file("[worker\n");
        assert!(load(Some(broken.path()), [], &[]).unwrap_err().message.contains("is no settings file"));
    }

    #[test]
    fn users_to_run_as_are_listed_once_and_well() {
        let with = |text: &str| load(None, [variable("SCALEOUT__WORKER__RUN_AS", text)], &[]);
        let run_as = with("etl, batch:staff").unwrap().settings.worker.run_as;
        assert_eq!(run_as.iter().map(ToString::to_string).collect::<Vec<_>>(), ["etl", "batch:staff"]);
        let failure = with("etl,etl:staff").unwrap_err();
        assert!(failure.message.contains("worker.run_as lists etl twice"), "{}", failure.message);
        let failure = with("etl:").unwrap_err();
        assert!(failure.message.contains("\"etl:\" names no user"), "{}", failure.message);
    }

    #[test]
    fn secrets_are_not_shown() {
        let variables = [
            variable("SCALEOUT__API__TOKEN", "s3cret"),
            variable("SCALEOUT__POSTGRES__URL", "postgres://me:s3cret@host/db"),
            variable("SCALEOUT__WORKER__TOKEN", "s3cret"),
            variable("SCALEOUT__WORKER__MASTER_URLS", "http://a:1,http://me:s3cret@b:1"),
        ];
        let shown = format!("{:?}", load(None, variables, &[]).unwrap().shown());
        assert!(!shown.contains("s3cret") && shown.contains("postgres://me:***@host/db"), "{shown}");
    }
}
