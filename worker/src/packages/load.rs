//! From a grant to a package that can run. A package is read once per bundle and shared by all its executions.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use scaleout_common::ids::{Attempt, ExecutionId, SessionId};
use scaleout_common::settings::Worker;
use scaleout_common::wire::{Grant, PackageGrant, Values};
use scaleout_package::Value;
use scaleout_package::arguments::{Resolved, typed};
use scaleout_package::model::Parameter;
use scaleout_package::project::{path_of, read_with_called};
use scaleout_package::reader::read_settings;
use serde_json::{Map, Value as Json};

use super::bundles::{BundleHash, BundleLoadError, Bundles, Unpacked, lock};
use super::fetch::{FetchError, Masters};
use crate::runtime::LoadedPackage;

/// Sets of project values kept in memory at most.
const PROJECT_VALUES_MAX: usize = 256;

/// Why a granted execution cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Bundle(#[from] BundleLoadError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("cannot read {file} of the unpacked bundle: {reason}")]
    File { file: String, reason: String },
    #[error("the package cannot be read by this worker's version: {0}")]
    Package(String),
    #[error("the values do not fit the package: {0}")]
    Values(String),
}

impl LoadError {
    /// Whether another worker may well succeed: its disk, its token, its way to the masters. What a master says is
    /// not there, and what does not fit, no worker can run.
    pub(crate) fn is_this_workers(&self) -> bool {
        match self {
            Self::Bundle(BundleLoadError::Fetch(error)) | Self::Fetch(error) => {
                !matches!(error, FetchError::Gone { .. })
            }
            Self::Bundle(_) | Self::File { .. } => true,
            Self::Package(_) | Self::Values(_) => false,
        }
    }
}

type ProjectValues = Arc<BTreeMap<String, Value>>;

/// A package ready to run, with the folder it came in.
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) package: Arc<LoadedPackage>,
    pub(crate) values: Arc<BTreeMap<String, Value>>,
    pub(crate) project_values: ProjectValues,
    /// Keeps the bundle's folder while the attempt runs.
    _unpacked: Arc<Unpacked>,
}

/// Loads packages.
pub(crate) struct Packages {
    masters: Masters,
    bundles: Bundles,
    /// Project values by their JSON text: a batch's executions share them.
    project_values: Mutex<HashMap<(BundleHash, String), ProjectValues>>,
}

impl Packages {
    pub(crate) fn new(settings: &Worker) -> anyhow::Result<Self> {
        Ok(Self {
            masters: Masters::new(settings)?,
            bundles: Bundles::new(settings.data_folder.join("bundles"), settings.bundle_cache_bytes_max)?,
            project_values: Mutex::default(),
        })
    }

    /// Gets everything for one attempt.
    pub(crate) async fn ready(
        &self,
        execution: ExecutionId,
        attempt: Attempt,
        session: SessionId,
        grant: &Grant,
        package: &PackageGrant,
    ) -> Result<Ready, LoadError> {
        let unpacked = self.bundles.get(package.bundle, &self.masters).await?;
        let name = (package.folder.clone(), package.project.clone(), package.package.clone());
        let loaded = unpacked.package(name, |folder| read(package, folder))?;
        let (parameters, project_parameters) = (&loaded.package.parameters, &loaded.settings.parameters);
        let (values, project_values) = match (&grant.values, &package.project_values) {
            (Values::Inline(values), Values::Inline(project)) => (
                read_values(parameters, values)?,
                self.shared_values(package.bundle, project_parameters, project)?,
            ),
            _ => {
                let fetched = self.masters.values(execution, attempt, session).await?;
                let project = typed_values(project_parameters, fetched.project_values)?;
                (typed_values(parameters, fetched.values)?, Arc::new(project))
            }
        };
        Ok(Ready { package: loaded, values: Arc::new(values), project_values, _unpacked: unpacked })
    }

    fn shared_values(
        &self,
        bundle: BundleHash,
        parameters: &BTreeMap<String, Parameter>,
        text: &str,
    ) -> Result<ProjectValues, LoadError> {
        let key = (bundle, text.to_owned());
        if let Some(values) = lock(&self.project_values).get(&key) {
            return Ok(values.clone());
        }
        let values = Arc::new(read_values(parameters, text)?);
        let mut known = lock(&self.project_values);
        if known.len() >= PROJECT_VALUES_MAX {
            known.clear();
        }
        known.insert(key, values.clone());
        Ok(values)
    }
}

fn read(grant: &PackageGrant, folder: &Path) -> Result<LoadedPackage, LoadError> {
    let file = |name: &str| {
        std::fs::read(folder.join(name))
            .map_err(|error| LoadError::File { file: name.to_owned(), reason: error.to_string() })
    };
    let fail = |diagnostics: scaleout_package::Diagnostics| LoadError::Package(diagnostics.to_string());
    let settings = read_settings("project.toml", &file("project.toml")?).map_err(fail)?;
    let name = path_of(&grant.package);
    let mut lost = None;
    let mut other = |name: &str| match file(&path_of(name)) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            lost.get_or_insert(error);
            None
        }
    };
    let read = read_with_called(&grant.package, (&name, &file(&name)?), &settings, None, &mut other);
    // The project was checked when it was deployed: what is not there is this worker's trouble.
    if let Some(lost) = lost {
        return Err(lost);
    }
    let read = read.map_err(fail)?;
    Ok(LoadedPackage {
        folder: grant.folder.clone(),
        project: grant.project.clone(),
        package: read.package,
        called: read.called,
        settings: Arc::new(settings),
        project_folder: folder.to_owned(),
    })
}

fn read_values(
    parameters: &BTreeMap<String, Parameter>,
    text: &str,
) -> Result<BTreeMap<String, Value>, LoadError> {
    let values: Map<String, Json> =
        serde_json::from_str(text).map_err(|error| LoadError::Values(error.to_string()))?;
    typed_values(parameters, values)
}

fn typed_values(
    parameters: &BTreeMap<String, Parameter>,
    values: Map<String, Json>,
) -> Result<BTreeMap<String, Value>, LoadError> {
    let resolved = Resolved { plain: values, ..Resolved::default() };
    typed(parameters, &resolved).map_err(|errors| {
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        LoadError::Values(all.join("; "))
    })
}
