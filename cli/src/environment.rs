//! Which master the command line talks to, and with which token: flags and `SCALEOUT_URL`/`SCALEOUT_TOKEN`, then
//! the settings, then the `.scaleout/env` that `scaleout dev` wrote here or in a folder above.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use crate::exit::Failure;
use crate::output::say;
use crate::settings::Loaded;

/// The names in the environment and in the env file.
pub(crate) const URL: &str = "SCALEOUT_URL";
pub(crate) const TOKEN: &str = "SCALEOUT_TOKEN";
/// A database on the private PostgreSQL of `scaleout dev`, for packages to work in.
pub(crate) const DEV_POSTGRES: &str = "SCALEOUT_DEV_POSTGRES";

/// The data folder of `scaleout dev` unless told otherwise.
pub(crate) const DATA_FOLDER: &str = ".scaleout";
/// The file in it that says where its master is.
pub(crate) const ENV_FILE: &str = "env";
/// Largest env file that is read, in bytes.
const ENV_FILE_BYTES_MAX: u64 = 64 * 1024;

/// A master, and the token for it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: Option<SecretString>,
    /// The authorities to trust for `https://`; empty: those of this machine.
    pub(crate) ca_file: PathBuf,
}

/// Decides between what was given and what is found from `start` upwards. A token is only ever taken from an env
/// file together with its URL, so that it is shown to no other master.
pub(crate) fn target(
    url: Option<&str>,
    token: Option<&str>,
    loaded: &Loaded,
    start: &Path,
) -> Result<Target, Failure> {
    let api = &loaded.settings.api;
    let set_url = url.or((!loaded.is_default("api.url")).then_some(api.url.as_str()));
    let set_token = token.or((!loaded.is_default("api.token")).then_some(api.token.expose_secret()));
    let found = if set_url.is_some() && set_token.is_some() { None } else { find(start)? };
    let found_url = found.as_ref().and_then(|found| found.get(URL).map(String::as_str));
    let found_token = found.as_ref().and_then(|found| found.get(TOKEN).map(String::as_str));
    let url = set_url.or(found_url).unwrap_or(&api.url).trim_end_matches('/').to_owned();
    let is_found = found_url.is_some_and(|found| found.trim_end_matches('/') == url);
    let token = set_token.or(found_token.filter(|_| is_found)).filter(|token| !token.is_empty());
    let token = token.map(|token| SecretString::from(token.to_owned()));
    Ok(Target { token, url, ca_file: api.ca_file.clone() })
}

/// The text of an env file.
pub(crate) fn env_text(values: &[(&str, &str)]) -> String {
    values.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

/// The values in the nearest env file from `start` upwards. One that belongs to another user is passed over: who
/// can write it could send a deploy anywhere.
fn find(start: &Path) -> Result<Option<BTreeMap<String, String>>, Failure> {
    for folder in start.ancestors() {
        let path = folder.join(DATA_FOLDER).join(ENV_FILE);
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if !is_trusted(metadata.uid()) {
            say(&format!("{} belongs to another user and is not read", path.display()));
            continue;
        }
        return read(&path, metadata.len()).map(Some);
    }
    Ok(None)
}

fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

fn read(path: &PathBuf, length: u64) -> Result<BTreeMap<String, String>, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!("cannot use {}: {why}", path.display()))
            .hint("`scaleout dev` writes it anew; or set SCALEOUT_URL and SCALEOUT_TOKEN")
    };
    if length > ENV_FILE_BYTES_MAX {
        return Err(wrong(format!("it has {length} bytes, more than {ENV_FILE_BYTES_MAX}")));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let lines =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|(index, line)| match line.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
            None => Err(wrong(format!("line {} is not NAME=value", index + 1))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    fn dev_folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".scaleout")).unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join(".scaleout/env"), text).unwrap();
        folder
    }

    fn shown(target: &Target) -> (&str, Option<&str>) {
        (&target.url, target.token.as_ref().map(|token| token.expose_secret()))
    }

    #[test]
    fn the_env_file_is_found_upwards() {
        let folder = dev_folder(&env_text(&[(URL, "http://127.0.0.1:9"), (TOKEN, "abc")]));
        let loaded = settings::load(None, [], &[]).unwrap();
        let below = folder.path().join("a/b");
        let found = target(None, None, &loaded, &below).unwrap();
        assert_eq!(shown(&found), ("http://127.0.0.1:9", Some("abc")));
    }

    #[test]
    fn what_was_given_wins_and_the_found_token_goes_nowhere_else() {
        let folder = dev_folder("SCALEOUT_URL=http://127.0.0.1:9\nSCALEOUT_TOKEN=abc\n");
        let loaded = settings::load(None, [], &[]).unwrap();
        let elsewhere = target(Some("http://other:1/"), None, &loaded, folder.path()).unwrap();
        assert_eq!(shown(&elsewhere), ("http://other:1", None));
        let same = target(Some("http://127.0.0.1:9/"), None, &loaded, folder.path()).unwrap();
        assert_eq!(shown(&same), ("http://127.0.0.1:9", Some("abc")));
        let own_token = target(None, Some("mine"), &loaded, folder.path()).unwrap();
        assert_eq!(shown(&own_token), ("http://127.0.0.1:9", Some("mine")));
    }

    #[test]
    fn settings_come_before_the_env_file_and_the_default_after() {
        let folder = dev_folder("SCALEOUT_URL=http://127.0.0.1:9\nSCALEOUT_TOKEN=abc\n");
        let set = [("api.url", "http://set:1".to_owned()), ("api.token", "t".to_owned())];
        let loaded = settings::load(None, [], &set).unwrap();
        assert_eq!(shown(&target(None, None, &loaded, folder.path()).unwrap()), ("http://set:1", Some("t")));
        let nothing = tempfile::tempdir().unwrap();
        let loaded = settings::load(None, [], &[]).unwrap();
        let default = target(None, None, &loaded, nothing.path()).unwrap();
        assert_eq!(shown(&default), ("http://127.0.0.1:8391", None));
    }

    #[test]
    fn a_broken_env_file_is_named() {
        let folder = dev_folder("nonsense\n");
        let loaded = settings::load(None, [], &[]).unwrap();
        let failure = target(None, None, &loaded, folder.path()).unwrap_err();
        assert!(failure.message.ends_with("line 1 is not NAME=value"), "{}", failure.message);
    }
}
