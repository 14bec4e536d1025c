//! A mark for as long as the first boot of RabbitMQ's data has not ended: data of a first boot that was killed lacks
//! tables, and no later boot starts with it (`schema_integrity_check_failed`). Nothing that anybody sent is in it, so it
//! is emptied and made again. Data that has no mark is never touched.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::LocalError;

const MARK: &str = ".first-boot";
const DATA: &str = "data";

/// To be called before every boot with the server's folder; whether the boot is the first of its data.
pub(crate) fn prepare(home: &Path) -> Result<bool, LocalError> {
    let is_first = mark(home).exists() || is_empty(&home.join(DATA))?;
    if is_first {
        begin_anew(home)?;
    }
    Ok(is_first)
}

/// Empties the data folder; the next boot is the first.
pub(crate) fn begin_anew(home: &Path) -> Result<(), LocalError> {
    // Before anything is removed: what is left half removed has its mark.
    let mark = mark(home);
    fs::write(&mark, "").map_err(LocalError::io("cannot write", &mark))?;
    let data = home.join(DATA);
    let failed = |error| LocalError::io("cannot empty", &data)(error);
    for entry in fs::read_dir(&data).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        let remove = if is_folder { fs::remove_dir_all } else { fs::remove_file };
        remove(&entry.path()).map_err(failed)?;
    }
    Ok(())
}

/// The server has answered: from now on its data is somebody's.
pub(crate) fn ended(home: &Path) -> Result<(), LocalError> {
    let mark = mark(home);
    match fs::remove_file(&mark) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        removed => removed.map_err(LocalError::io("cannot remove", &mark))?,
    }
    // A mark that came back after a power cut would cost what is sent from now on.
    let around = mark.parent().unwrap_or(home);
    File::open(around).and_then(|folder| folder.sync_all()).map_err(LocalError::io("cannot write", around))
}

/// Beside the server's folder, which is its user's: what we write there as root nobody else can have put a link for.
fn mark(home: &Path) -> PathBuf {
    let mut name = OsString::from(home);
    name.push(MARK);
    PathBuf::from(name)
}

fn is_empty(data: &Path) -> Result<bool, LocalError> {
    let mut entries = fs::read_dir(data).map_err(LocalError::io("cannot read", data))?;
    Ok(entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_data_of_a_first_boot_that_has_not_ended_is_emptied() {
        let place = tempfile::tempdir().unwrap();
        let home = place.path().join("server");
        let node = home.join(DATA).join("node");
        let make = || fs::create_dir_all(&node).unwrap();
        make();
        assert!(
            !prepare(&home).unwrap() && node.exists(),
            "data without a mark is of a version that set none"
        );

        fs::remove_dir(&node).unwrap();
        assert!(prepare(&home).unwrap());
        make();
        assert!(prepare(&home).unwrap() && !node.exists(), "half made");

        make();
        ended(&home).unwrap();
        assert!(!prepare(&home).unwrap() && node.exists(), "whole");
        ended(&home).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no mark is left");
    }
}
