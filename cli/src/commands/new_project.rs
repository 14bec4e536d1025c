//! `scaleout project new`: a project that runs, to begin with.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use scaleout_common::names::Name;
use serde::Serialize;

use super::Context;
use crate::exit::Failure;
use crate::output::say;

const PACKAGE: &str = "packages/hello.toml";

/// Where, and what it is called.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The folder to make, or an empty one; the project is called as its last part
    #[arg(value_name = "NAME|DIR")]
    folder: PathBuf,
}

/// What was made.
#[derive(Debug, Serialize)]
struct Made {
    project: Name,
    folder: String,
    files: Vec<&'static str>,
}

pub(super) fn run(context: &Context, New { folder }: &New) -> Result<(), Failure> {
    let made = create(folder)?;
    context.output.one(&made, |made| {
        made.files.iter().map(|file| format!("{}\n", folder.join(file).display())).collect()
    })?;
    let package = folder.join(PACKAGE);
    say(&format!("run it here with: scaleout package run {} --set name=Ada", package.display()));
    say(&format!("deploy it with: scaleout project deploy {} --folder demo", folder.display()));
    Ok(())
}

fn create(folder: &Path) -> Result<Made, Failure> {
    let project = name(folder)?;
    let cannot =
        |path: &Path, error: io::Error| Failure::failed(format!("cannot make {}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    let mut there = fs::read_dir(folder).map_err(|error| cannot(folder, error))?;
    if there.next().is_some() {
        let message = format!("{} is there already, and is not empty", folder.display());
        return Err(Failure::usage(message).hint("choose another name, or an empty folder"));
    }
    let settings = format!("name = \"{project}\"\ndescription = \"What it is for\"\n");
    let files = [
        ("project.toml", settings.as_str(), 0o644),
        (PACKAGE, include_str!("new_project/hello.toml"), 0o644),
        ("greet.sh", include_str!("new_project/greet.sh"), 0o755),
        (".scaleoutignore", include_str!("new_project/scaleoutignore"), 0o644),
    ];
    for (file, text, mode) in files {
        let path = folder.join(file);
        write(&path, text, mode).map_err(|error| cannot(&path, error))?;
    }
    Ok(Made { project, folder: folder.display().to_string(), files: files.map(|(file, ..)| file).to_vec() })
}

/// What the project is called: the folder's last part.
fn name(folder: &Path) -> Result<Name, Failure> {
    let refuse = |why: String| {
        Failure::usage(format!("{} cannot name a project: {why}", folder.display()))
            .hint("take a name such as my-project, or a path that ends with one")
    };
    let last = folder.file_name().ok_or_else(|| refuse("it does not end with a name".to_owned()))?;
    let last = last.to_str().ok_or_else(|| refuse("it is not UTF-8".to_owned()))?;
    Name::new(last).map_err(|error| refuse(error.to_string()))
}

/// Writes a new file; one that is there stays as it is, and is an error.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use scaleout_package::folder as folders;
    use scaleout_package::project::Project;

    use super::*;

    #[test]
    fn the_project_can_be_read_and_is_called_as_its_folder() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("deep/my-project");
        let made = create(&folder).unwrap();
        assert_eq!(made.project.as_str(), "my-project");
        let project = Project::check(&folders::read(&folder).unwrap()).unwrap();
        assert_eq!(project.settings.name, "my-project");
        assert_eq!(project.packages.keys().collect::<Vec<_>>(), ["hello"]);
    }

    #[test]
    fn nothing_is_written_over() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("precious"), "x").unwrap();
        let failure = create(parent.path()).unwrap_err();
        assert!(failure.text().contains("is not empty"), "{}", failure.text());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
        for bad in ["..", "/", "a@b/@c"] {
            let failure = create(Path::new(bad)).unwrap_err();
            assert!(failure.text().contains("cannot name a project"), "{}", failure.text());
        }
    }
}
