//! What a run tells while it runs: lines on standard error with the time since its start, and a file of them. Cheap to
//! clone; owns the file.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Tells people.
#[derive(Clone, Debug)]
pub struct Say {
    began: Instant,
    file: Arc<Mutex<File>>,
}

impl Say {
    /// # Errors
    /// When the file cannot be made.
    pub fn new(file: &Path) -> std::io::Result<Self> {
        Ok(Self { began: Instant::now(), file: Arc::new(Mutex::new(File::create(file)?)) })
    }

    /// The same, with times that count from now.
    pub fn from_now(&self) -> Self {
        Self { began: Instant::now(), file: Arc::clone(&self.file) }
    }

    pub fn line(&self, text: &str) {
        let line = format!("{:>7.1} s  {text}\n", self.began.elapsed().as_secs_f64());
        // Nobody reading is no reason to end a run.
        let _ = std::io::stderr().write_all(line.as_bytes());
        if let Ok(mut file) = self.file.lock() {
            let _ = file.write_all(line.as_bytes());
        }
    }
}
