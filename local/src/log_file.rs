//! The output of a process, kept in files that stay within bounds: a full one becomes `.1`, that becomes `.2`, and
//! the oldest goes. Owns the current file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How large one file gets, in bytes.
const FILE_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// How many files there are, the current one included.
const FILES_MAX: u32 = 3;
/// The lines of a log that an error carries.
const LINES_SHOWN: usize = 15;
/// How much of a log's end is read for them, in bytes.
const END_BYTES_READ: u64 = 16 * 1024;

/// The current file, open for appending.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
    bytes_max: u64,
}

impl LogFile {
    /// Goes on where the last run ended. The file is for its owner only.
    ///
    /// # Errors
    /// It cannot be opened or made.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::bounded(path, FILE_BYTES_MAX)
    }

    /// Begins anew. What was there becomes `.1`: after a failed start, that is what one wants to read.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        let mut log = Self::open(path)?;
        if log.length > 0 {
            log.rotate()?;
        }
        Ok(log)
    }

    fn bounded(path: &Path, bytes_max: u64) -> io::Result<Self> {
        let file = append(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, length, bytes_max })
    }

    /// Adds `bytes`, to a new file if this one would grow beyond its bound.
    ///
    /// # Errors
    /// They cannot be written, or the files not renamed.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
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

/// The last lines of a log, for an error; what is wrong with the log if there are none.
pub fn log_end(path: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES_READ)))?;
        let mut bytes = Vec::new();
        file.take(END_BYTES_READ).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_else(|error| format!("({}: {error})", path.display()));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return format!("(nothing in {})", path.display());
    }
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
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

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn full_files_move_on_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = LogFile::bounded(&path, 10).unwrap();
        for number in 0..5 {
            log.write(format!("line {number}\n").as_bytes()).unwrap();
        }
        assert_eq!(text(&path), "line 4\n");
        assert_eq!(text(&numbered(&path, 1)), "line 3\n");
        assert_eq!(text(&numbered(&path, 2)), "line 2\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_log_goes_on_or_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        LogFile::open(&path).unwrap().write(b"first\n").unwrap();
        LogFile::open(&path).unwrap().write(b"second\n").unwrap();
        assert_eq!(text(&path), "first\nsecond\n");
        LogFile::begin(&path).unwrap().write(b"third\n").unwrap();
        assert_eq!(
            (text(&path).as_str(), text(&numbered(&path, 1)).as_str()),
            ("third\n", "first\nsecond\n")
        );
    }

    #[test]
    fn an_error_carries_only_the_end_of_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let text: String = (0..10_000).map(|line| format!("line {line}\n\n")).collect();
        fs::write(&path, text).unwrap();
        let end = log_end(&path);
        assert_eq!(end.lines().count(), LINES_SHOWN);
        assert!(end.ends_with("line 9999"), "{end}");
        fs::write(&path, "").unwrap();
        assert!(log_end(&path).starts_with("(nothing in "));
    }
}
