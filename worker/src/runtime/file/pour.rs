//! Copies the content of one file, whole or not at all. Blocks.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use super::fault::{Fault, Watch};
use super::temporary::Temporary;

/// How much is copied between two looks at whether it is time to end, in bytes.
const CHUNK_BYTES: u64 = 8 * 1024 * 1024;

/// Puts a copy of `source` into `folder` as `name`, with its permissions and the time of its last change. Returns its
/// bytes.
///
/// # Errors
/// `attempted` and why: also if the source changed meanwhile, so that the copy would be of nothing that there ever was.
pub(super) fn copy(
    source: &File,
    folder: OwnedFd,
    name: &OsStr,
    overwrite: bool,
    attempted: &str,
    watch: &Watch,
) -> Result<u64, Fault> {
    let fail = |error: io::Error| match Fault::of(attempted, &error) {
        Fault::Missing(text) => Fault::Failed(text),
        other => other,
    };
    let before = source.metadata().map_err(fail)?;
    let target = Temporary::create(folder, before.mode()).map_err(fail)?;
    let mut bytes = 0;
    loop {
        watch.check()?;
        // Never more than there was: a file that grows has no end.
        let wanted = CHUNK_BYTES.min(before.len() - bytes);
        let copied = io::copy(&mut source.take(wanted), &mut &target.file).map_err(fail)?;
        bytes += copied;
        if copied == 0 {
            break;
        }
    }
    let after = source.metadata().map_err(fail)?;
    let state = |metadata: &std::fs::Metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    if state(&before) != state(&after) || bytes != before.len() {
        return Err(Fault::Failed(format!(
            "{attempted}: it changed while it was copied; is it still being written?"
        )));
    }
    before.modified().and_then(|time| target.file.set_modified(time)).map_err(fail)?;
    watch.check()?;
    target.publish(name, overwrite).map_err(fail)?;
    Ok(bytes)
}
