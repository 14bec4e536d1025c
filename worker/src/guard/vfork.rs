//! Starts a program without copying this process (Linux): from a child that shares our memory, while the thread that
//! made it stands still, until it has become its program. To copy the page tables of a worker, and to pull them down
//! again, costs more than most programs' start.
//!
//! glibc's `posix_spawn` does the same, and this does what it does; but its child cannot tell the guard of itself.
//! Owns each process until it is waited for.

use std::ffi::{CStr, CString, OsStr, OsString, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::child::Child;
use super::program::{Announcement, Program};

/// Bytes of the child's stack. It makes some dozen system calls.
const STACK_BYTES: usize = 64 * 1024;

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

/// Makes a child that calls `life`, and stands still until it has become a program or ended. Gives its id and its pidfd.
///
/// # Safety
/// `life` must take `argument` for what it is, do nothing but system calls, and never return.
unsafe fn clone(
    life: extern "C" fn(*mut c_void) -> c_int,
    argument: *const c_void,
) -> io::Result<(i32, OwnedFd)> {
    let mut stack: Vec<MaybeUninit<u8>> = Vec::with_capacity(STACK_BYTES);
    let mut pidfd: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let signals = Blocked::all();
    // SAFETY: the caller vouches for `life` and its argument, which outlive the child, as its stack does: with CLONE_VFORK
    // this thread goes on only when the child no longer uses our memory. The stack grows downwards from its end,
    // aligned to 16 bytes as every call expects. All signals are blocked, so that no handler of ours runs in the child.
    let id = unsafe {
        let top = stack.as_mut_ptr().add(STACK_BYTES).cast::<c_void>();
        let top = top.byte_sub(top.addr() % 16);
        libc::clone(life, top, flags, argument.cast_mut(), ptr::from_mut(&mut pidfd))
    };
    // Of the call above, before anything else can fail.
    let error = io::Error::last_os_error();
    drop(signals);
    if id < 0 {
        return Err(error);
    }
    if pidfd < 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: with CLONE_PIDFD the system has put a new descriptor there, which is nobody else's.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((id, pidfd))
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

/// Signals have their first meaning again. The table of handlers is the child's own, though the memory is not: between
/// here and the program no handler of ours may run. What is ignored stays so, as it does over exec, but for SIGPIPE,
/// which Rust's runtime ignores and no program expects to be.
fn forget_handlers() {
    // Nothing of ours handles SIGABRT, and libc takes a lock to set it, which would stay locked in our memory if the child
    // were killed meanwhile.
    for signal in (1..=libc::SIGRTMAX()).filter(|signal| *signal != libc::SIGABRT) {
        // SAFETY: asks for and sets the action of a signal, with places for it that are ours. Those that cannot be set
        // (SIGKILL, SIGSTOP, libc's own) are refused, and have no handler that a program could get.
        unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            if libc::sigaction(signal, ptr::null(), &raw mut action) != 0 {
                continue;
            }
            let is_handled = action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN;
            if is_handled || signal == libc::SIGPIPE {
                action.sa_sigaction = libc::SIG_DFL;
                action.sa_flags = 0;
                libc::sigaction(signal, &raw const action, ptr::null_mut());
            }
        }
    }
}

/// A program starts with no signal blocked, as std lets it.
fn unblock_all() {
    // SAFETY: an empty set that is ours.
    unsafe {
        let mut none = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// All signals of this thread are blocked until this is dropped.
struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    fn all() -> Self {
        // SAFETY: sets that are ours; a mask can always be set.
        unsafe {
            let mut all = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
            let mut before = all;
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            Self { before }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the mask that the system gave us.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut());
        }
    }
}

/// A child of ours. Dropped before it was waited for, it is killed and waited for by a thread of its own.
#[derive(Debug)]
pub(super) struct Process {
    id: i32,
    /// Readable when it has ended; nothing once it was waited for.
    pidfd: Option<AsyncFd<OwnedFd>>,
    ended: Option<ExitStatus>,
}

impl Process {
    fn watched(id: i32, pidfd: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` is open, and the same one, for as long as it lives, and `AsyncFd` owns it.
        match unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) } {
            Ok(pidfd) => Ok(Self { id, pidfd: Some(pidfd), ended: None }),
            Err(refused) => {
                let (pidfd, error) = refused.into_parts();
                end(pidfd);
                Err(error)
            }
        }
    }

    pub(super) fn id(&self) -> i32 {
        self.id
    }

    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(ended) = self.ended {
            return Ok(ended);
        }
        let pidfd = self.pidfd.as_ref().ok_or_else(|| io::Error::other("it is not watched"))?;
        let ended = loop {
            let mut ready = pidfd.readable().await?;
            match status(pidfd.get_ref(), WaitIdOptions::NOHANG)? {
                Some(ended) => break ended,
                None => ready.clear_ready(),
            }
        };
        self.ended = Some(ended);
        self.pidfd = None;
        Ok(ended)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pidfd) = self.pidfd.take() {
            end(pidfd.into_inner());
        }
    }
}

/// Kills what nobody waits for any more, and takes its end. One that hangs in the kernel holds up nobody but a thread of
/// its own; without a thread it stays a zombie until the worker goes.
fn end(pidfd: OwnedFd) {
    let _ = rustix::process::pidfd_send_signal(&pidfd, rustix::process::Signal::KILL);
    let thread = std::thread::Builder::new().name("reaper".to_owned());
    let _ = thread.spawn(move || status(&pidfd, WaitIdOptions::empty()));
}

/// How the process has ended; with `NOHANG` `None`, if it has not.
fn status(pidfd: &OwnedFd, options: WaitIdOptions) -> io::Result<Option<ExitStatus>> {
    let wait = || rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | options);
    Ok(rustix::io::retry_on_intr(wait)?.as_ref().map(exit_status))
}

fn exit_status(status: &WaitIdStatus) -> ExitStatus {
    // As wait(2) puts it into one number: the signal, or the code in the byte above.
    let signal = status.terminating_signal();
    ExitStatus::from_raw(signal.unwrap_or_else(|| status.exit_status().unwrap_or_default() << 8))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use tokio::io::AsyncReadExt;

    use super::super::frame::{FRAME_BYTES, Frame};
    use super::super::handle::Link;
    use super::*;

    fn shell(arguments: &[String]) -> Program<'_> {
        Program {
            path: Path::new("/bin/sh"),
            name: "sh",
            arguments,
            environment: &[],
            folder: Path::new("/"),
            reads: false,
            account: None,
        }
    }

    fn script(text: &str) -> [String; 2] {
        ["-c".to_owned(), text.to_owned()]
    }

    /// A guard that only listens.
    fn listener() -> (io::PipeReader, Announcement) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, Announcement { link: Arc::new(Link::to(writer)), token: 7 })
    }

    async fn printed(child: &mut Child) -> String {
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn the_guard_has_heard_of_the_group_when_the_program_runs() {
        let (reader, announcement) = listener();
        let mut child = start(&shell(&script("echo $$; exit 3")), &announcement).unwrap();
        let mut frame = [0; FRAME_BYTES];
        rustix::io::read(&reader, frame.as_mut_slice()).unwrap();
        assert_eq!(Frame::decode(&frame), Some(Frame::Add { token: 7, group: child.id() }));
        assert_eq!(printed(&mut child).await, format!("{}\n", child.id()));
        assert_eq!(child.wait().await.unwrap().code(), Some(3));
        assert_eq!(child.wait().await.unwrap().code(), Some(3), "asked again");
    }

    #[tokio::test]
    async fn without_a_guard_nothing_becomes_its_program() {
        let (reader, announcement) = listener();
        drop(reader);
        let folder = tempfile::tempdir().unwrap();
        let arguments = script("echo ran > ran");
        let error =
            start(&Program { folder: folder.path(), ..shell(&arguments) }, &announcement).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(!folder.path().join("ran").exists());
    }

    #[tokio::test]
    async fn a_program_finds_signals_as_every_program_does() {
        let (_reader, announcement) = listener();
        // What our runtime handles and ignores is none of its business.
        let _handled = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).unwrap();
        let arguments = ["/proc/self/status".to_owned()];
        let program = Program { path: Path::new("/bin/cat"), name: "cat", ..shell(&arguments) };
        let mut child = start(&program, &announcement).unwrap();
        let (theirs, ours) = (printed(&mut child).await, std::fs::read_to_string(&arguments[0]).unwrap());
        let signals = |status: &str, which: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap().trim();
            u64::from_str_radix(line, 16).unwrap()
        };
        let ignored = signals(&ours, "SigIgn:") & !(1 << (libc::SIGPIPE - 1));
        let found = ["SigBlk:", "SigIgn:", "SigCgt:"].map(|which| signals(&theirs, which));
        assert_eq!(found, [0, ignored, 0]);
    }

    #[tokio::test]
    async fn a_script_that_names_no_interpreter_is_one_for_the_shell() {
        let (_reader, announcement) = listener();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("load");
        std::fs::write(&path, "echo $# $1 $2\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let arguments = ["a b".to_owned(), "c".to_owned()];
        let program = Program { path: &path, name: "load", ..shell(&arguments) };
        let mut child = start(&program, &announcement).unwrap();
        assert_eq!(printed(&mut child).await, "2 a b c\n");
        assert!(child.wait().await.unwrap().success());
    }

    #[tokio::test]
    async fn what_cannot_be_started_says_why() {
        let (_reader, announcement) = listener();
        let nothing = ["a\0b".to_owned()];
        for (program, expected) in [
            (Program { path: Path::new("/nowhere"), ..shell(&[]) }, io::ErrorKind::NotFound),
            (Program { path: Path::new("/etc/passwd"), ..shell(&[]) }, io::ErrorKind::PermissionDenied),
            (Program { folder: Path::new("/nowhere"), ..shell(&[]) }, io::ErrorKind::NotFound),
            (shell(&nothing), io::ErrorKind::InvalidInput),
        ] {
            assert_eq!(start(&program, &announcement).unwrap_err().kind(), expected, "{program:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_at_once_get_each_its_own() {
        let (_reader, announcement) = listener();
        let announcement = Arc::new(announcement);
        let mut all = tokio::task::JoinSet::new();
        for number in 0..200 {
            let announcement = announcement.clone();
            all.spawn(async move {
                let arguments = script(&format!("read line; echo $line $NUMBER; exit {}", number % 50));
                let environment = [("NUMBER".into(), number.to_string().into())];
                let program = Program { environment: &environment, reads: true, ..shell(&arguments) };
                let mut child = start(&program, &announcement).unwrap();
                let mut stdin = child.stdin.take().unwrap();
                let line = format!("line {number}\n");
                tokio::io::AsyncWriteExt::write_all(&mut stdin, line.as_bytes()).await.unwrap();
                assert_eq!(printed(&mut child).await, format!("line {number} {number}\n"));
                assert_eq!(child.wait().await.unwrap().code(), Some(number % 50));
            });
        }
        while let Some(one) = all.join_next().await {
            one.unwrap();
        }
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_killed_and_reaped() {
        let (_reader, announcement) = listener();
        let child = start(&shell(&script("exec sleep 1000")), &announcement).unwrap();
        let place = format!("/proc/{}", child.id());
        assert!(Path::new(&place).exists());
        drop(child);
        while Path::new(&place).exists() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}
