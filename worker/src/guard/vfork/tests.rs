//! What a program finds when it was started so, and what of it is left.

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
    let error = start(&Program { folder: folder.path(), ..shell(&arguments) }, &announcement).unwrap_err();
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
