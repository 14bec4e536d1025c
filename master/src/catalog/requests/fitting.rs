//! Whether the values set for a project fit the version that is about to become its current one. They are kept over
//! versions, so each is looked at again: what does not fit is an error that names it, and never shows a secret.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use scaleout_package::arguments::check;
use scaleout_package::model::Parameter;
use serde_json::Value;
use tokio_postgres::Row;

use super::error::Problems;
use super::values::{is_sealed, open_value, project_owner};
use super::{RequestError, sql};
use crate::catalog::Sealer;
use crate::catalog::rows::corrupt;

type Parameters = BTreeMap<String, Parameter>;

/// A project whose row is locked, and the version it is about to get.
pub(super) struct Fitting<'a> {
    pub(super) project: i64,
    /// `folder/project`, for people.
    pub(super) path: &'a str,
    /// The version until now, if there is one.
    pub(super) then: Option<&'a Row>,
    /// The parameters from now on.
    pub(super) now: &'a Parameters,
    /// What does not fit is forgotten instead of refused.
    pub(super) clear: bool,
    pub(super) sealer: &'a Sealer,
}

/// What becomes of one value.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    Keeps,
    /// Its parameter is sensitive from now on.
    Seals,
    /// Why not.
    Not(String),
}

/// For the audit: the names of values that were forgotten.
pub(super) fn forgotten(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(", forgotten: {}", names.join(", ")) }
}

impl Fitting<'_> {
    /// Seals what has become sensitive. Returns the names of what was forgotten, in order.
    ///
    /// # Errors
    /// `Parameters`, if values do not fit and are not to be forgotten.
    pub(super) async fn fit(&self, transaction: &Transaction<'_>) -> Result<Vec<String>, RequestError> {
        let select = transaction.prepare_cached(sql::SELECT_PROJECT_VALUES).await?;
        let rows = transaction.query(&select, &[&[self.project].as_slice()]).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let then: Parameters = match self.then {
            Some(row) => serde_json::from_value(row.get("parameters")).map_err(corrupt)?,
            None => Parameters::new(),
        };
        let mut unfit = BTreeMap::new();
        for row in &rows {
            let name: String = row.get("name");
            let value = open_value(row, self.project, &name, self.sealer)?;
            match fit(&name, &value, is_sealed(row), &then, self.now) {
                Fit::Keeps => {}
                Fit::Seals => self.seal(transaction, &name, &value).await?,
                Fit::Not(why) => {
                    unfit.insert(name, why);
                }
            }
        }
        if !self.clear && !unfit.is_empty() {
            return Err(self.refused(unfit));
        }
        let names: Vec<String> = unfit.into_keys().collect();
        let clear = transaction.prepare_cached(sql::CLEAR_VALUES).await?;
        transaction.execute(&clear, &[&self.project, &names]).await?;
        Ok(names)
    }

    async fn seal(
        &self,
        transaction: &Transaction<'_>,
        name: &str,
        value: &Value,
    ) -> Result<(), RequestError> {
        let sealed = self.sealer.seal(&project_owner(self.project, name), &value.to_string())?;
        let seal = transaction.prepare_cached(sql::SEAL_VALUE).await?;
        transaction.execute(&seal, &[&self.project, &name, &sealed]).await?;
        Ok(())
    }

    fn refused(&self, unfit: BTreeMap<String, String>) -> RequestError {
        let path = self.path;
        let first = unfit.keys().next().map_or("NAME", String::as_str);
        let mend = format!(
            "forget them with --clear-unfit, or one by one (`scaleout project set {path} --clear {first}`), and set \
             them anew afterwards"
        );
        let mut problems = Problems::default();
        for (name, why) in unfit {
            problems.add(|| format!("projects.{path}.values.{name}"), || why);
        }
        let summary = problems.summary();
        let message =
            format!("values that were set for {path} do not fit this version of it: {summary}; {mend}");
        RequestError::Parameters { message, problems: problems.into_listed() }
    }
}

fn fit(name: &str, value: &Value, sealed: bool, then: &Parameters, now: &Parameters) -> Fit {
    // A value that was set through an earlier version may be of a parameter that the last one does not have.
    let was =
        then.get(name).map_or_else(|| "a value".to_owned(), |parameter| parameter.data_type.with_article());
    let hidden = if sealed { ", sensitive" } else { "" };
    let Some(parameter) = now.get(name) else {
        return Fit::Not(format!("`{name}` ({was}{hidden}) is no parameter of this version"));
    };
    if sealed && !parameter.sensitive {
        return Fit::Not(format!(
            "`{name}` ({was}, sensitive) is not sensitive in this version, so its value could be seen"
        ));
    }
    let wants = parameter.data_type.with_article();
    let given = BTreeMap::from([(name.to_owned(), value.clone())]);
    match check(now, &given) {
        Err(_) => Fit::Not(format!("`{name}` is set as {was}{hidden}, and is {wants} in this version")),
        Ok(_) if parameter.sensitive && !sealed => Fit::Seals,
        Ok(_) => Fit::Keeps,
    }
}

#[cfg(test)]
mod tests {
    use scaleout_package::value::DataType;
    use serde_json::json;

    use super::*;

    fn parameters(all: &[(&str, DataType, bool)]) -> Parameters {
        let parameter = |(name, data_type, sensitive): &(&str, DataType, bool)| {
            let name = (*name).to_owned();
            let (required, default, description) = (false, None, String::new());
            let (data_type, sensitive) = (*data_type, *sensitive);
            (name.clone(), Parameter { name, data_type, required, sensitive, default, description })
        };
        all.iter().map(parameter).collect()
    }

    #[test]
    fn a_value_fits_the_version_or_says_why_not() {
        use DataType::{Float64, Int64, String};
        let then = parameters(&[("n", Int64, false), ("key", String, true), ("text", String, false)]);
        let not = |why: &str| Fit::Not(why.to_owned());
        let cases = [
            ("n", json!(30), false, ("n", Int64, false), Fit::Keeps),
            ("n", json!(30), false, ("n", Float64, false), Fit::Keeps),
            ("n", json!(30), false, ("n", Int64, true), Fit::Seals),
            (
                "text",
                json!("3x"),
                false,
                ("text", Int64, false),
                not("`text` is set as a string, and is an int64 in this version"),
            ),
            (
                "n",
                json!(30),
                false,
                ("m", Int64, false),
                not("`n` (an int64) is no parameter of this version"),
            ),
            ("key", json!("s3cret"), true, ("key", String, true), Fit::Keeps),
            (
                "key",
                json!("s3cret"),
                true,
                ("k", String, true),
                not("`key` (a string, sensitive) is no parameter of this version"),
            ),
            (
                "key",
                json!("s3cret"),
                true,
                ("key", Int64, true),
                not("`key` is set as a string, sensitive, and is an int64 in this version"),
            ),
            (
                "key",
                json!("s3cret"),
                true,
                ("key", String, false),
                not(
                    "`key` (a string, sensitive) is not sensitive in this version, so its value could be seen",
                ),
            ),
            (
                "old",
                json!(1),
                false,
                ("n", Int64, false),
                not("`old` (a value) is no parameter of this version"),
            ),
        ];
        for (name, value, sealed, now, expected) in cases {
            let found = fit(name, &value, sealed, &then, &parameters(&[now]));
            assert_eq!(found, expected, "{name} in {now:?}");
        }
    }
}
