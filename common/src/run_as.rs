//! Users that packages run as, as settings and packages name them. Asks no system whether they are there.

use std::fmt;

use serde::Deserialize;

/// Longest name of a user or group in bytes: what Linux allows (`useradd`) and a good deal more for directories.
const USER_BYTES_MAX: usize = 128;

/// Whether `text` can name a user or a group: printable, without spaces, colons and slashes.
pub fn is_user_name(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ':' | '/' | ',' | '{' | '}');
    !text.is_empty() && text.len() <= USER_BYTES_MAX && !text.starts_with('-') && text.chars().all(plain)
}

/// An entry of `worker.run_as`: `USER` or `USER:GROUP`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RunAs {
    pub user: String,
    /// Instead of the user's own group.
    pub group: Option<String>,
}

/// A text that is no such entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no user: expected USER or USER:GROUP")]
pub struct RunAsError(String);

impl TryFrom<String> for RunAs {
    type Error = RunAsError;

    fn try_from(text: String) -> Result<Self, RunAsError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text.as_str(), None),
        };
        if !is_user_name(user) || !group.is_none_or(is_user_name) {
            return Err(RunAsError(text));
        }
        Ok(Self { user: user.to_owned(), group: group.map(str::to_owned) })
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(f, "{}:{group}", self.user),
            None => f.write_str(&self.user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_read() {
        let read = |text: &str| RunAs::try_from(text.to_owned());
        assert_eq!(read("etl").unwrap(), RunAs { user: "etl".into(), group: None });
        assert_eq!(read("svc-1:data").unwrap().to_string(), "svc-1:data");
        for wrong in ["", ":", "etl:", ":data", "a b", "a:b:c", "../x", "-u", "{{x}}", "a\nb"] {
            assert_eq!(read(wrong), Err(RunAsError(wrong.to_owned())), "{wrong:?}");
        }
    }
}
