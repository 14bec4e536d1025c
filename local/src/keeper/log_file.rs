//! A process's output, kept in a file that is bounded: past its size the file becomes `<name>.1`, and what
//! that was is gone. Begun anew at every start.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Two files of this size are the most one process's log takes.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    written: u64,
}

impl LogFile {
    /// Keeps what was there as `<name>.1`: after a failed start, that is what one wants to read.
    pub(super) fn begin(path: &Path) -> io::Result<LogFile> {
        if path.exists() {
            std::fs::rename(path, rotated(path))?;
        }
        Ok(LogFile { path: path.to_owned(), file: File::create(path)?, written: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written + bytes.len() as u64 > FILE_BYTES_MAX {
            *self = LogFile::begin(&self.path)?;
        }
        self.written += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}

fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_never_takes_more_than_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogFile::begin(&path).unwrap();
        let block = vec![b'x'; 1024 * 1024];
        for _ in 0..30 {
            log.write(&block).unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert_eq!(files.len(), 2);
        assert!(files.iter().all(|file| file.metadata().unwrap().len() <= FILE_BYTES_MAX));
    }
}
