//! Names that people give: folders, projects, packages, pools. Parsed once, then trusted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name in characters (SSISDB: catalog/ssis-catalog, "identifiers"); parameters, tasks and other things inside
/// a package have the same bound.
pub const NAME_LENGTH_MAX: usize = 128;

/// Longest pool name in characters: it becomes part of a queue's name, which AMQP bounds to 255 bytes.
pub const POOL_LENGTH_MAX: usize = 64;

/// What names of ad hoc pools begin with, before the digits that stand for their workers. No pool that people name does.
pub const AD_HOC_PREFIX: &str = "_workers-";

/// The pool every worker is in.
pub const DEFAULT_POOL: &str = "default";

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name must have 1 to {NAME_LENGTH_MAX} characters, found {0}")]
    Length(usize),
    #[error("name {name:?} contains {found:?}: control characters and any of \" < > | / \\ are not allowed")]
    Character { name: String, found: char },
    #[error("name {0:?} begins or ends with a space")]
    OuterSpace(String),
    #[error("name {0:?} begins with '@', which marks a variable")]
    At(String),
    #[error("name {0:?} is a folder's own name")]
    Dots(String),
    #[error("{0:?} does not name a package: expected FOLDER/PROJECT/PACKAGE")]
    PackagePath(String),
    #[error("{0:?} does not name a project: expected FOLDER/PROJECT")]
    ProjectPath(String),
    #[error("{0:?} does not say what of: expected FOLDER, FOLDER/PROJECT or FOLDER/PROJECT/PACKAGE")]
    PackageScope(String),
    #[error("limit {0:?} is neither a package (FOLDER/PROJECT/PACKAGE) nor a key: {1}")]
    Limit(String, Box<NameError>),
    #[error(
        "pool {0:?} begins with \"{AD_HOC_PREFIX}\": such names stand for workers that were chosen one by one"
    )]
    ReservedPool(String),
    #[error("pool {0:?} must have 1 to {POOL_LENGTH_MAX} of the characters a-z, 0-9, '-' and '_'")]
    Pool(String),
}

/// The name of a folder, project or package: SSISDB's rules, and without the slashes that separate them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Checks `text` against the rules of SSISDB's identifiers.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let length = text.chars().count();
        if length == 0 || length > NAME_LENGTH_MAX {
            return Err(NameError::Length(length));
        }
        if let Some(found) = text.chars().find(|c| c.is_control() || "\"<>|/\\".contains(*c)) {
            return Err(NameError::Character { name: text, found });
        }
        if text.trim() != text {
            return Err(NameError::OuterSpace(text));
        }
        if text.starts_with('@') {
            return Err(NameError::At(text));
        }
        // In a URL these would lead to another place.
        if text == "." || text == ".." {
            return Err(NameError::Dots(text));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A named set of workers with its own queues.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PoolName(String);

impl PoolName {
    /// Checks that `text` can be part of a queue's name and a routing key (no dots).
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if text.is_empty() || text.len() > POOL_LENGTH_MAX || !text.chars().all(plain) {
            return Err(NameError::Pool(text));
        }
        Ok(Self(text))
    }

    /// The ad hoc pool whose members these digits stand for.
    pub fn ad_hoc(digest: [u8; 16]) -> Self {
        Self(format!("{AD_HOC_PREFIX}{}", crate::hex::print(&digest)))
    }

    /// Whether it stands for workers that were chosen one by one.
    pub fn is_ad_hoc(&self) -> bool {
        self.0.starts_with(AD_HOC_PREFIX)
    }

    /// Refuses a name that people may not give.
    pub fn check_given(&self) -> Result<(), NameError> {
        if self.is_ad_hoc() { Err(NameError::ReservedPool(self.0.clone())) } else { Ok(()) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for PoolName {
    fn default() -> Self {
        Self(DEFAULT_POOL.to_owned())
    }
}

macro_rules! text_like {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

text_like!(Name);
text_like!(PoolName);

/// As JSON has it: its text, which `FromStr` reads and `Display` writes.
macro_rules! written_as_text {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.to_string()
            }
        }
    };
}

/// `folder/project`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectPath {
    pub folder: Name,
    pub project: Name,
}

impl FromStr for ProjectPath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [folder, project] => Ok(Self { folder: Name::new(folder)?, project: Name::new(project)? }),
            _ => Err(NameError::ProjectPath(text.to_owned())),
        }
    }
}

impl fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder, self.project)
    }
}

/// `folder/project/package`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackagePath {
    pub folder: Name,
    pub project: Name,
    pub package: Name,
}

impl FromStr for PackagePath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [folder, project, package] => Ok(Self {
                folder: Name::new(folder)?,
                project: Name::new(project)?,
                package: Name::new(package)?,
            }),
            _ => Err(NameError::PackagePath(text.to_owned())),
        }
    }
}

impl fmt::Display for PackagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.folder, self.project, self.package)
    }
}

written_as_text!(PackagePath);

/// A folder, a project or a package: what a list is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PackageScope {
    Folder(Name),
    Project(ProjectPath),
    Package(PackagePath),
}

impl PackageScope {
    /// Folder, project and package, as far as they are named.
    pub fn parts(&self) -> (&Name, Option<&Name>, Option<&Name>) {
        match self {
            Self::Folder(folder) => (folder, None, None),
            Self::Project(path) => (&path.folder, Some(&path.project), None),
            Self::Package(path) => (&path.folder, Some(&path.project), Some(&path.package)),
        }
    }
}

impl FromStr for PackageScope {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split('/').count() {
            1 => Ok(Self::Folder(Name::new(text)?)),
            2 => Ok(Self::Project(text.parse()?)),
            3 => Ok(Self::Package(text.parse()?)),
            _ => Err(NameError::PackageScope(text.to_owned())),
        }
    }
}

impl fmt::Display for PackageScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => fmt::Display::fmt(folder, f),
            Self::Project(path) => fmt::Display::fmt(path, f),
            Self::Package(path) => fmt::Display::fmt(path, f),
        }
    }
}

written_as_text!(PackageScope);

/// What a concurrency limit is for: a package by its path, or a key that requests name. A key has no slashes, so that
/// one text tells which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LimitName {
    Package(PackagePath),
    Key(Name),
}

impl FromStr for LimitName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parsed =
            if text.contains('/') { text.parse().map(Self::Package) } else { text.parse().map(Self::Key) };
        parsed.map_err(|error| NameError::Limit(text.to_owned(), Box::new(error)))
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(path) => path.fmt(f),
            Self::Key(key) => key.fmt(f),
        }
    }
}

impl LimitName {
    /// As a shell takes it.
    pub fn quoted(&self) -> String {
        let text = self.to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
        if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
    }
}

written_as_text!(LimitName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_ssisdb() {
        for good in ["a", "Daily load", "ünïcode", "x".repeat(128).as_str()] {
            assert!(Name::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", " a", "a ", "@a", "a/b", "a|b", "a\nb", "a<b", ".", "..", "x".repeat(129).as_str()] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_package_path_has_three_parts() {
        let path: PackagePath = "demo/flights/load".parse().unwrap();
        assert_eq!(path.to_string(), "demo/flights/load");
        assert_eq!(
            "demo/load".parse::<PackagePath>().unwrap_err().to_string(),
            "\"demo/load\" does not name a package: expected FOLDER/PROJECT/PACKAGE"
        );
    }

    #[test]
    fn a_limit_is_for_a_package_or_a_key() {
        let package: LimitName = "demo/flights/load".parse().unwrap();
        assert!(matches!(&package, LimitName::Package(path) if path.package.as_str() == "load"));
        assert_eq!(package.to_string(), "demo/flights/load");
        assert!(matches!("warehouse".parse().unwrap(), LimitName::Key(_)));
        for bad in ["", "a/b", "a/b/c/d", "a|b", " a"] {
            let said = bad.parse::<LimitName>().unwrap_err().to_string();
            assert!(said.starts_with(&format!("limit {bad:?} is neither a package")), "{said}");
        }
    }

    #[test]
    fn a_scope_has_one_to_three_parts() {
        for (text, parts) in [("demo", 1), ("demo/flights", 2), ("demo/flights/load", 3)] {
            let scope: PackageScope = text.parse().unwrap();
            let (_, project, package) = scope.parts();
            let found = 1 + usize::from(project.is_some()) + usize::from(package.is_some());
            assert_eq!((found, scope.to_string()), (parts, text.to_owned()));
        }
        for bad in ["", "a/", "/a", "a//b", "a/b/c/d"] {
            assert!(bad.parse::<PackageScope>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pools_fit_a_routing_key() {
        assert!(PoolName::new("etl-2").is_ok());
        for bad in ["", "a.b", "Ä", "UP", "x".repeat(65).as_str()] {
            assert!(PoolName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nobody_can_name_an_ad_hoc_pool() {
        let pool = PoolName::ad_hoc([0xa7; 16]);
        assert_eq!(PoolName::new(pool.as_str()), Ok(pool.clone()), "masters and workers can read it");
        assert!(pool.is_ad_hoc() && !PoolName::default().is_ad_hoc());
        assert_eq!(PoolName::new("workers-1").unwrap().check_given(), Ok(()));
        let refused = pool.check_given().unwrap_err().to_string();
        assert!(refused.contains("chosen one by one"), "{refused}");
    }
}
