//! A wall clock that can be made to jump, for one process: libfaketime, which reads what time it is to be from a file.
//! Monotonic and boot-time clocks are left alone. Owns that file.

use std::path::{Path, PathBuf};

use super::fault::Ahead;
use crate::harness::Call;

/// Where Debian and Ubuntu, and others, put it.
const PLACES: [&str; 5] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
];

/// The library, if it is installed.
pub fn library() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|place| place.is_file())
}

/// One process's clock.
#[derive(Debug)]
pub struct FakeClock {
    file: PathBuf,
}

impl FakeClock {
    /// A clock that is right, for the process `name`, and the call with it.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn new(library: &Path, folder: &Path, name: &str, call: Call) -> std::io::Result<(Self, Call)> {
        let clock = Self { file: folder.join(format!("{name}.clock")) };
        clock.set(None)?;
        let call = call
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &clock.file)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            // It looks into the file once a second.
            .env("FAKETIME_CACHE_DURATION", "1");
        Ok((clock, call))
    }

    /// Makes it jump; `None` makes it right again.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn set(&self, ahead: Option<Ahead>) -> std::io::Result<()> {
        let text = match ahead {
            None => "+0\n",
            Some(Ahead::TwoHours) => "+2h\n",
            Some(Ahead::MinusTwoHours) => "-2h\n",
        };
        let new = self.file.with_extension("clock-new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, &self.file)
    }
}
