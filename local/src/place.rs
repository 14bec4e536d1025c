//! Where the servers' data lies when the data folder cannot be entered by the servers' user: root's home is
//! closed to the users that root's servers must run as. Their data then lies under [`OUTSIDE`], and a link
//! in the data folder says where. Owns that link and what is under [`OUTSIDE`].

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::config::Keep;
use crate::error::LocalError;
use crate::user::{self, User};

/// Only root comes here, and may make it.
const OUTSIDE: &str = "/var/lib/scaleout-servers";
/// The link in the data folder.
const LINK: &str = "elsewhere";
/// In a folder under [`OUTSIDE`]: the data folder that it belongs to.
const BELONGS_TO: &str = "belongs-to";

/// The folder for the servers' own folders: the data folder itself, if each of `users` can enter it.
///
/// # Errors
/// [`LocalError::FolderClosed`] when they cannot and the folder is temporary, or there is no other place.
pub(crate) fn for_data(folder: &Path, keep: Keep, users: &[Option<User>]) -> Result<PathBuf, LocalError> {
    if let Some(place) = elsewhere(folder) {
        return make(&place, folder, users);
    }
    let open = check(folder, users);
    if open.is_ok() || keep == Keep::Temporary {
        return open.map(|()| folder.to_owned());
    }
    remove_forsaken();
    let place = make(&Path::new(OUTSIDE).join(Uuid::new_v4().simple().to_string()), folder, users)?;
    symlink(&place, folder.join(LINK)).map_err(LocalError::io("cannot make a link in", folder))?;
    tracing::info!(
        folder = %folder.display(), place = %place.display(),
        "the servers' user cannot enter the data folder; their data lies elsewhere"
    );
    Ok(place)
}

/// Removes the data that lies elsewhere, if any does.
pub(crate) fn remove(folder: &Path) -> Result<(), LocalError> {
    match elsewhere(folder) {
        Some(place) if place.exists() => {
            std::fs::remove_dir_all(&place).map_err(LocalError::io("cannot remove", &place))
        }
        _ => Ok(()),
    }
}

/// Only a link to where we put things is followed.
fn elsewhere(folder: &Path) -> Option<PathBuf> {
    let place = std::fs::read_link(folder.join(LINK)).ok()?;
    (place.parent() == Some(Path::new(OUTSIDE))).then_some(place)
}

fn make(place: &Path, folder: &Path, users: &[Option<User>]) -> Result<PathBuf, LocalError> {
    user::make_outer_folder(place)?;
    let open = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(OUTSIDE, open).map_err(LocalError::io("cannot open", Path::new(OUTSIDE)))?;
    user::write_private(&place.join(BELONGS_TO), &folder.display().to_string(), None)?;
    check(place, users)?;
    Ok(place.to_owned())
}

fn check(folder: &Path, users: &[Option<User>]) -> Result<(), LocalError> {
    users.iter().try_for_each(|user| user::check_access(folder, user.as_ref()))
}

/// A data folder that was removed by hand leaves its data elsewhere behind.
fn remove_forsaken() {
    for place in std::fs::read_dir(OUTSIDE).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let Ok(folder) = std::fs::read_to_string(place.join(BELONGS_TO)) else { continue };
        if elsewhere(Path::new(&folder)).as_deref() != Some(&place)
            && let Err(error) = std::fs::remove_dir_all(&place)
        {
            tracing::warn!(place = %place.display(), %error, "cannot remove the data of a folder that is gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_closed_folder_gets_a_place_elsewhere_that_goes_with_it() {
        let closed = tempfile::tempdir().unwrap();
        let folder = closed.path();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        if !rustix::process::geteuid().is_root() {
            // Anybody else's servers run as themselves, who can enter their own folder.
            assert_eq!(for_data(folder, Keep::State, &[None]).unwrap(), folder);
            return;
        }
        let nobody = [user::for_server("nobody", &folder.join("data")).unwrap()];
        assert!(matches!(for_data(folder, Keep::Temporary, &nobody), Err(LocalError::FolderClosed { .. })));
        let place = for_data(folder, Keep::State, &nobody).unwrap();
        assert!(place.starts_with(OUTSIDE));
        assert_eq!(for_data(folder, Keep::State, &nobody).unwrap(), place);
        remove(folder).unwrap();
        assert!(!place.exists());

        let again = for_data(folder, Keep::State, &nobody).unwrap();
        drop(closed);
        remove_forsaken();
        assert!(!again.exists());
    }
}
