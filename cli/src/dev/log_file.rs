//! A log file that stays within bounds: when it is full it becomes `.1`, that becomes `.2`, and the oldest goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How large one file gets, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How many files there are, the current one included.
const FILES_MAX: u32 = 3;
/// How much of the end of a log is looked at for its last lines, in bytes.
const TAIL_BYTES_MAX: i64 = 8 * 1024;

/// The current file, open for appending.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
    bytes_max: u64,
}

impl LogFile {
    pub(super) fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = append(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, length, bytes_max })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.length > 0 && self.length + bytes.len() as u64 > self.bytes_max {
            self.rotate()?;
        }
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..FILES_MAX).rev() {
            let from = if number == 1 { self.path.clone() } else { numbered(&self.path, number - 1) };
            match fs::rename(from, numbered(&self.path, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = append(&self.path)?;
        self.length = 0;
        Ok(())
    }
}

/// The last lines of a log, for an error.
pub(super) fn tail(path: &Path, lines_max: usize) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
        file.seek(SeekFrom::End(-length.min(TAIL_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(lines_max)..].join("\n")
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_move_on_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.log");
        let mut log = LogFile::open(&path, 10).unwrap();
        for number in 0..5 {
            log.write(format!("line {number}\n").as_bytes()).unwrap();
        }
        let text = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(text(&path), "line 4\n");
        assert_eq!(text(&numbered(&path, 1)), "line 3\n");
        assert_eq!(text(&numbered(&path, 2)), "line 2\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_log_goes_on_where_the_last_run_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.log");
        LogFile::open(&path, 20).unwrap().write(b"first\n").unwrap();
        LogFile::open(&path, 20).unwrap().write(b"second\nthird\n").unwrap();
        assert_eq!(tail(&path, 2), "second\nthird");
        assert_eq!(tail(&folder.path().join("missing"), 2), "");
    }
}
