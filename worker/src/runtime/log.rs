//! The log of one attempt: numbers its records, masks sensitive values, and holds the output to its bound.
//!
//! Sending waits for room in the worker's log channel: that is the back-pressure on whoever prints.

use std::sync::atomic::{AtomicU64, Ordering};

use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::wire::{LogRecord, MessageSource, MessageType};
use tokio::sync::mpsc;

use super::context::PACKAGE_PATH;
use super::host::Host;
use super::mask::Masker;
use super::run::Run;
use super::text::presentable;

/// Longest text of one record, in bytes; longer lines come in pieces.
pub(super) const TEXT_BYTES_MAX: usize = 64 * 1024;

pub(super) struct AttemptLog<'a> {
    execution: ExecutionId,
    attempt: Attempt,
    sender: &'a mpsc::Sender<LogRecord>,
    level: LoggingLevel,
    masker: Masker,
    sequence: AtomicU64,
    /// Output the attempt may keep, in bytes.
    output_bytes_max: u64,
    /// Output seen, kept or not.
    output_bytes: AtomicU64,
    lines_cut: AtomicU64,
    bytes_cut: AtomicU64,
}

impl<'a> AttemptLog<'a> {
    pub(super) fn new(run: &Run, host: &'a Host, masker: Masker) -> AttemptLog<'a> {
        let zero = || AtomicU64::new(0);
        AttemptLog {
            execution: run.execution,
            attempt: run.attempt,
            sender: &host.log,
            level: run.logging_level,
            masker,
            sequence: zero(),
            output_bytes_max: host.limits.log_bytes_max,
            output_bytes: zero(),
            lines_cut: zero(),
            bytes_cut: zero(),
        }
    }

    pub(super) fn masker(&self) -> &Masker {
        &self.masker
    }

    /// Tells what happens to a task or the package.
    pub(super) async fn say(
        &self,
        kind: MessageType,
        source: MessageSource,
        path: &str,
        text: impl AsRef<str>,
    ) {
        if !self.level.keeps(kind) {
            return;
        }
        let text = presentable(&self.masker.mask_text(text.as_ref()), TEXT_BYTES_MAX);
        self.send(kind, source, path, text).await;
    }

    /// Whether details are kept.
    pub(super) fn is_verbose(&self) -> bool {
        self.level == LoggingLevel::Verbose
    }

    /// Tells what only the verbose log has. The text is made only then.
    pub(super) async fn detail(&self, source: MessageSource, path: &str, text: impl FnOnce() -> String) {
        if self.is_verbose() {
            self.say(MessageType::Information, source, path, text()).await;
        }
    }

    /// Keeps one piece of a process's output, masked and readable already, or counts it as cut.
    pub(super) async fn output(&self, kind: MessageType, path: &str, text: String) {
        if !self.level.keeps(kind) {
            return;
        }
        let bytes = text.len() as u64;
        // Counted whether kept or not: once the bound is passed, it stays so, and the log has no holes.
        if self.output_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > self.output_bytes_max
        {
            self.cut(1, bytes);
            return;
        }
        self.send(kind, MessageSource::Task, path, text).await;
    }

    /// Whether no more output is kept, or none at all.
    pub(super) fn is_full(&self) -> bool {
        !self.level.keeps(MessageType::Stdout)
            || self.output_bytes.load(Ordering::Relaxed) > self.output_bytes_max
    }

    /// Counts output that is not kept.
    pub(super) fn cut(&self, lines: u64, bytes: u64) {
        // What the logging level leaves out is not missing.
        if !self.level.keeps(MessageType::Stdout) {
            return;
        }
        self.lines_cut.fetch_add(lines, Ordering::Relaxed);
        self.bytes_cut.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says how much output was not kept, if any.
    pub(super) async fn finish(&self) {
        let (lines, bytes) = (self.lines_cut.load(Ordering::Relaxed), self.bytes_cut.load(Ordering::Relaxed));
        if bytes > 0 {
            let bound = self.output_bytes_max;
            let text =
                format!("{lines} lines ({bytes} bytes) of output are cut: an execution keeps {bound} bytes");
            self.say(MessageType::Warning, MessageSource::Package, PACKAGE_PATH, text).await;
        }
    }

    async fn send(&self, kind: MessageType, source: MessageSource, path: &str, text: String) {
        // The channel is closed only when the session is over; its log goes nowhere then.
        let Ok(room) = self.sender.reserve().await else { return };
        // Numbered after the wait, so that records are sent in the order of their numbers.
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        room.send(LogRecord {
            execution: self.execution,
            attempt: self.attempt,
            sequence,
            at_us: jiff::Timestamp::now().as_microsecond(),
            kind,
            source,
            path: path.to_owned(),
            text,
        });
    }
}
