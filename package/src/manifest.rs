//! What the catalog keeps of a deployed project, as JSON, so that the master resolves parameters
//! at enqueue without reading the bundle again. Pure data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Package, Parameter};
use crate::project::Project;

/// What the catalog keeps of a project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectManifest {
    /// The project's name.
    pub name: String,
    /// What it is for; may be empty.
    #[serde(default)]
    pub description: String,
    /// The project's parameters, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Its packages, by name.
    pub packages: BTreeMap<String, PackageManifest>,
}

/// What the catalog keeps of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackageManifest {
    /// The package's name.
    pub name: String,
    /// What it is for; may be empty.
    #[serde(default)]
    pub description: String,
    /// The package's parameters, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
}

impl From<&Package> for PackageManifest {
    fn from(package: &Package) -> PackageManifest {
        PackageManifest {
            name: package.name.clone(),
            description: package.description.clone(),
            parameters: package.parameters.clone(),
        }
    }
}

impl From<&Project> for ProjectManifest {
    fn from(project: &Project) -> ProjectManifest {
        let packages = project.packages.iter().map(|(name, package)| (name.clone(), package.into()));
        ProjectManifest {
            name: project.settings.name.clone(),
            description: project.settings.description.clone(),
            parameters: project.settings.parameters.clone(),
            packages: packages.collect(),
        }
    }
}
