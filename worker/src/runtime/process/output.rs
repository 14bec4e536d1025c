//! Reads what a process prints and puts it into the log, line by line.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use scaleout_common::wire::{MessageSource, MessageType};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use super::super::context::Context;
use super::super::log::TEXT_BYTES_MAX;
use super::super::text::{presentable, readable};
use super::lines::Lines;

/// How long output stays open after the program has exited: only a process that left the group keeps it open.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// Bytes of one read.
const READ_BYTES: usize = 16 * 1024;

/// Most bytes taken from a pipe once [`LINGER`] is over: more than a pipe can hold.
const LAST_BYTES_MAX: usize = 1024 * 1024;

/// Longest last line of standard error in an error message, in bytes.
const LAST_LINE_BYTES_MAX: usize = 500;

/// Where one stream of a process goes.
#[derive(Clone, Copy)]
pub(super) struct Pump<'a> {
    pub(super) context: &'a Context<'a>,
    /// The task's path.
    pub(super) path: &'a str,
    /// Stdout or Stderr.
    pub(super) kind: MessageType,
    /// Cancelled when the program has exited.
    pub(super) exited: &'a CancellationToken,
    /// How much of its beginning is wanted beside the log, in bytes.
    pub(super) wanted_bytes: usize,
}

/// What became of a stream.
#[derive(Debug, Default)]
pub(super) struct Pumped {
    /// Its last line that was not blank.
    pub(super) last_line: Option<String>,
    /// Its beginning, as far as it was wanted.
    pub(super) beginning: Vec<u8>,
    /// Somebody still held it open when it was given up.
    pub(super) left_open: bool,
}

impl Pump<'_> {
    /// Reads `stream` to its end, or until [`LINGER`] after the exit.
    pub(super) async fn run(self, stream: Option<impl AsyncRead + Unpin>) -> Pumped {
        let mut pumped = Pumped::default();
        let Some(mut stream) = stream else { return pumped };
        let mut sink = Sink {
            pump: self,
            lines: Lines::default(),
            last_line: None,
            beginning: Vec::new(),
            escaped: false,
        };
        let mut buffer = vec![0; READ_BYTES];
        let mut linger = pin!(async {
            self.exited.cancelled().await;
            tokio::time::sleep(LINGER).await;
        });
        loop {
            tokio::select! {
                biased;
                () = &mut linger => {
                    pumped.left_open = take_last(&mut stream, &mut buffer, &mut sink).await;
                    break;
                }
                read = stream.read(&mut buffer) => match read {
                    // An error of a pipe is its end as well.
                    Ok(0) | Err(_) => break,
                    Ok(count) => sink.take(&buffer[..count]).await,
                },
            }
        }
        sink.finish().await;
        pumped.last_line = sink.last_line;
        pumped.beginning = sink.beginning;
        pumped
    }
}

/// Takes what is in the pipe now: waiting for room in the log must not cost a program its last lines. Returns
/// whether the pipe is still open.
async fn take_last(stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8], sink: &mut Sink<'_>) -> bool {
    let mut taken = 0;
    while taken < LAST_BYTES_MAX {
        match tokio::task::unconstrained(stream.read(buffer)).now_or_never() {
            None => return true,
            Some(Ok(0) | Err(_)) => return false,
            Some(Ok(count)) => {
                taken += count;
                sink.take(&buffer[..count]).await;
            }
        }
    }
    true
}

/// Turns bytes into log records.
struct Sink<'a> {
    pump: Pump<'a>,
    lines: Lines,
    last_line: Option<String>,
    beginning: Vec<u8>,
    /// Whether bytes that are no text were met, and told of.
    escaped: bool,
}

impl Sink<'_> {
    async fn take(&mut self, bytes: &[u8]) {
        let log = &self.pump.context.log;
        let room = self.pump.wanted_bytes - self.beginning.len();
        self.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
        // Nobody will see it: spare the work. The last line of stderr is still wanted for the task's error.
        if log.is_full() && self.pump.kind == MessageType::Stdout {
            let forgotten = self.lines.forget();
            let ends = memchr::memchr_iter(b'\n', bytes).count();
            log.cut(ends as u64, (forgotten + bytes.len()) as u64);
            return;
        }
        self.lines.feed(bytes);
        while let Some(line) = self.lines.next(log.masker()).map(|line| log.masker().mask(line).into_owned())
        {
            self.keep(&line).await;
        }
    }

    async fn finish(&mut self) {
        let masker = self.pump.context.log.masker();
        while let Some(line) = self.lines.rest(masker).map(|line| masker.mask(line).into_owned()) {
            self.keep(&line).await;
        }
    }

    async fn keep(&mut self, line: &[u8]) {
        let Pump { context, path, kind, .. } = self.pump;
        let (text, escaped) = readable(line);
        if escaped && !self.escaped {
            self.escaped = true;
            let text = format!("{} holds bytes that are not UTF-8; they are shown as \\xNN", kind.as_str());
            context.log.say(MessageType::Warning, MessageSource::Task, path, text).await;
        }
        if kind == MessageType::Stderr && !text.trim().is_empty() {
            self.last_line = Some(presentable(text.trim(), LAST_LINE_BYTES_MAX));
        }
        let mut rest: &str = &text;
        // Escapes may have made it longer than one record may be.
        loop {
            let (piece, more) = rest.split_at(rest.floor_char_boundary(TEXT_BYTES_MAX.min(rest.len())));
            context.log.output(kind, path, piece.to_owned()).await;
            if more.is_empty() {
                return;
            }
            rest = more;
        }
    }
}
