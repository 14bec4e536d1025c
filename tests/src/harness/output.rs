//! What a command said and how it ended.

use serde_json::Value;

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// As it was called, for messages.
    pub command: String,
    /// Exit code; 128 + the signal's number if a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// # Panics
    /// Unless it ended with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.ended_with(0)
    }

    /// # Panics
    /// Unless it ended with `code`.
    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert!(self.code == code, "expected exit code {code}:\n{self}");
        self
    }

    /// # Panics
    /// Unless it ended with `code` and said each of `fragments`, on whichever stream.
    #[track_caller]
    pub fn refused(self, code: i32, fragments: &[&str]) -> Self {
        let all = format!("{}{}", self.stdout, self.stderr);
        for fragment in fragments {
            assert!(all.contains(fragment), "{fragment:?} was not said:\n{self}");
        }
        self.ended_with(code)
    }

    /// The one document on standard output.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{self}"))
    }

    /// One document per line of standard output.
    ///
    /// # Panics
    /// When a line is none.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}:\n{self}"));
        self.stdout.lines().map(read).collect()
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "$ {command}\nexit code {code}\nstdout:\n{stdout}\nstderr:\n{stderr}")
    }
}
