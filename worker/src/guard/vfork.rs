//! Starts a program without copying this process (Linux): from a child that shares our memory, while the thread that
//! made it stands still, until it has become its program. To copy the page tables of a worker, and to pull them down
//! again, costs more than most programs' start.
//!
//! glibc's `posix_spawn` does the same, and this does what it does; but its child cannot tell the guard of itself.
//! Owns each process until it is waited for.

mod clone;
mod process;
mod signals;
#[cfg(test)]
mod tests;

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int, c_void};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::WaitIdOptions;

use self::clone::clone;
pub(super) use self::process::Process;
use self::process::status;
use self::signals::{forget_handlers, unblock_all};
use super::child::Child;
use super::program::{Announcement, Program};

/// The exit code of a child that could not become its program. Nobody sees it.
const NOT_STARTED: c_int = 127;

/// Whether this system can do all that `start` does; some sandboxes, emulators and kernels before Linux 5.4 cannot. Asked
/// once, by a child that only says that it shares our memory.
pub(super) fn is_possible() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let shared = AtomicI32::new(0);
        // SAFETY: `say_so` gets the atomic that it expects.
        let cloned = unsafe { clone(say_so, ptr::from_ref(&shared).cast()) };
        let ended = cloned.and_then(|(_, pidfd)| status(&pidfd, WaitIdOptions::empty()));
        ended.is_ok_and(|ended| ended.is_some()) && shared.into_inner() == 1
    })
}

extern "C" fn say_so(shared: *mut c_void) -> c_int {
    // SAFETY: `is_possible` passes an atomic, and its thread stands still while this runs.
    unsafe { &*shared.cast::<AtomicI32>() }.store(1, Ordering::Relaxed);
    // SAFETY: as in `become_program`.
    unsafe { libc::_exit(0) }
}

/// Starts `program`. On return it runs, or could not be started.
pub(super) fn start(program: &Program<'_>, announcement: &Announcement) -> io::Result<Child> {
    let (pipes, theirs) = open(program.reads)?;
    let text = Text::of(program)?;
    let (arguments, environment) = (pointers(&text.arguments), pointers(&text.environment));
    let plan = Plan {
        path: &text.path,
        arguments: &arguments,
        script: &script(&text, &arguments),
        environment: &environment,
        folder: &text.folder,
        streams: &theirs,
        announcement,
        error: AtomicI32::new(0),
    };
    // SAFETY: `become_program` gets the plan that it expects.
    let (id, pidfd) = unsafe { clone(become_program, ptr::from_ref(&plan).cast()) }?;
    match plan.error.into_inner() {
        0 => Child::vforked(Process::watched(id, pidfd)?, pipes),
        error => {
            // It has ended.
            let _ = status(&pidfd, WaitIdOptions::empty());
            Err(io::Error::from_raw_os_error(error))
        }
    }
}

/// Our ends of the pipes.
pub(super) struct Pipes {
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
}

/// The child's standard input, output and error. None of them is 0, 1 or 2 itself: std keeps those open.
type Streams = [OwnedFd; 3];

fn open(reads: bool) -> io::Result<(Pipes, Streams)> {
    let (stdin, theirs) = if reads {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        (Some(write), read)
    } else {
        (None, std::fs::File::open("/dev/null")?.into())
    };
    let (stdout, their_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, their_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Pipes { stdin, stdout, stderr }, [theirs, their_stdout, their_stderr]))
}

/// What the program is given, in the system's form.
struct Text {
    path: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    folder: CString,
}

impl Text {
    /// # Errors
    /// There is a zero byte in it.
    fn of(program: &Program<'_>) -> io::Result<Self> {
        let text = |text: &OsStr| CString::new(text.as_bytes());
        let words = std::iter::once(program.name).chain(program.arguments.iter().map(String::as_str));
        let variable = |(name, value): &(OsString, OsString)| {
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
        };
        Ok(Self {
            path: text(program.path.as_os_str())?,
            arguments: words.map(CString::new).collect::<Result<_, _>>()?,
            environment: program.environment.iter().map(variable).collect::<Result<_, _>>()?,
            folder: text(program.folder.as_os_str())?,
        })
    }
}

/// The null-terminated list that `execve` wants; valid as long as `texts` is.
fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// The shell, and what makes it run the program's file: a script without a first line that names its interpreter is one for
/// the shell, as POSIX has it for `execvp`.
const SHELL: &CStr = c"/bin/sh";

fn script(text: &Text, arguments: &[*const c_char]) -> Vec<*const c_char> {
    let own = [SHELL.as_ptr(), text.path.as_ptr()];
    own.into_iter().chain(arguments.iter().skip(1).copied()).collect()
}

/// All that the child needs, made before it is: it must not allocate.
struct Plan<'a> {
    path: &'a CString,
    arguments: &'a [*const c_char],
    /// What a file that is no program is given to, with its arguments.
    script: &'a [*const c_char],
    environment: &'a [*const c_char],
    folder: &'a CString,
    streams: &'a Streams,
    announcement: &'a Announcement,
    /// Why the child could not become its program, as the system's number; zero: it could.
    error: AtomicI32,
}

/// The child's whole life. Returns to nobody.
extern "C" fn become_program(plan: *mut c_void) -> c_int {
    // SAFETY: `clone` passes a plan, and its thread stands still while this runs.
    let plan = unsafe { &*plan.cast::<Plan<'_>>() };
    let error = plan.carry_out();
    plan.error.store(error.raw_os_error().unwrap_or(libc::EIO), Ordering::Relaxed);
    // SAFETY: ends this process only, and runs nothing that the worker has registered for its own end.
    unsafe { libc::_exit(NOT_STARTED) }
}

impl Plan<'_> {
    /// Becomes the program. System calls only, for the memory is the worker's, and its other threads run on.
    fn carry_out(&self) -> io::Error {
        let steps = || -> io::Result<()> {
            let [stdin, stdout, stderr] = self.streams;
            rustix::stdio::dup2_stdin(stdin)?;
            rustix::stdio::dup2_stdout(stdout)?;
            rustix::stdio::dup2_stderr(stderr)?;
            rustix::process::chdir(self.folder.as_c_str())?;
            self.announcement.make()?;
            forget_handlers();
            unblock_all();
            Ok(())
        };
        if let Err(error) = steps() {
            return error;
        }
        let error = self.execute(self.path, self.arguments);
        match error.raw_os_error() {
            Some(libc::ENOEXEC) => self.execute(SHELL, self.script),
            _ => error,
        }
    }

    /// Returns only what went wrong.
    fn execute(&self, path: &CStr, arguments: &[*const c_char]) -> io::Error {
        // SAFETY: a path and two lists that end with a null pointer, which all outlive this call.
        unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), self.environment.as_ptr()) };
        io::Error::last_os_error()
    }
}
