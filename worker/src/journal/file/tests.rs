//! The journal's file through changes, crashes and damage.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use scaleout_common::ids::{ExecutionId, SessionId, WorkerId};
use scaleout_common::wire::{Outcome, OutcomeKind};
use uuid::Uuid;

use super::{DEAD_BYTES_MAX, JournalFile, Kept, Key};

fn key(number: u128) -> Key {
    let session = SessionId { worker: WorkerId(Uuid::from_u128(9)), counter: 1 };
    (session, ExecutionId(Uuid::from_u128(number)), 1)
}

fn kept(numbers: impl IntoIterator<Item = u128>, text: &str) -> Kept {
    let result = Some(text.to_owned());
    let outcome = |number| {
        let (_, execution, attempt) = key(number);
        Outcome { execution, attempt, kind: OutcomeKind::Succeeded, error: None, result: result.clone() }
    };
    numbers.into_iter().map(|number| (key(number), outcome(number))).collect()
}

fn keys(numbers: impl IntoIterator<Item = u128>) -> BTreeSet<Key> {
    numbers.into_iter().map(key).collect()
}

fn reopened(folder: &Path) -> (JournalFile, Kept) {
    JournalFile::open(folder).unwrap()
}

fn bytes(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("outcomes.journal")).unwrap()
}

#[test]
fn what_was_added_and_not_taken_out_is_there_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, nothing) = reopened(folder.path());
    assert!(nothing.is_empty());
    journal.change(&kept(1..=3, "{}"), &keys([])).unwrap();
    journal.change(&kept([4], "{}"), &keys([2])).unwrap();
    drop(journal);
    let (mut journal, found) = reopened(folder.path());
    assert_eq!(found, kept([1, 3, 4], "{}"));
    journal.change(&kept([], ""), &keys([1])).unwrap();
    journal.change(&kept([], ""), &keys([3, 4])).unwrap();
    assert!(bytes(folder.path()).is_empty(), "an empty journal is an empty file");
    journal.change(&kept([5], "{}"), &keys([])).unwrap();
    assert_eq!(reopened(folder.path()).1, kept([5], "{}"));
}

#[test]
fn a_torn_tail_is_cut_and_writing_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopened(folder.path());
    journal.change(&kept([1], "{}"), &keys([])).unwrap();
    let whole = bytes(folder.path());
    journal.change(&kept([2], "{}"), &keys([])).unwrap();
    let both = bytes(folder.path());
    drop(journal);
    for cut in whole.len() + 1..both.len() {
        fs::write(folder.path().join("outcomes.journal"), &both[..cut]).unwrap();
        let (mut journal, found) = reopened(folder.path());
        assert_eq!(found, kept([1], "{}"), "cut after {cut}");
        journal.change(&kept([3], "{}"), &keys([])).unwrap();
        assert_eq!(reopened(folder.path()).1, kept([1, 3], "{}"));
    }
}

#[test]
fn before_a_damaged_place_everything_is_kept_and_the_rest_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopened(folder.path());
    journal.change(&kept([1], "{}"), &keys([])).unwrap();
    let at = bytes(folder.path()).len() + 20;
    journal.change(&kept([2], "{}"), &keys([])).unwrap();
    journal.change(&kept([3], "{}"), &keys([])).unwrap();
    let mut damaged = bytes(folder.path());
    damaged[at] ^= 0xff;
    fs::write(folder.path().join("outcomes.journal"), &damaged).unwrap();
    assert_eq!(reopened(folder.path()).1, kept([1], "{}"));
    assert_eq!(fs::read(folder.path().join("outcomes.journal.damaged")).unwrap(), damaged);
    fs::write(folder.path().join("outcomes.journal"), b"something else").unwrap();
    assert!(reopened(folder.path()).1.is_empty());
    assert_eq!(fs::read(folder.path().join("outcomes.journal.damaged")).unwrap(), b"something else");
}

#[test]
fn a_change_that_failed_leaves_nothing_behind_and_may_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopened(folder.path());
    journal.change(&kept([1], "{}"), &keys([])).unwrap();
    // As a disk that filled up in the middle of a frame leaves it.
    let mut torn = bytes(folder.path());
    torn.extend_from_slice(&[7; 100]);
    fs::write(folder.path().join("outcomes.journal"), &torn).unwrap();
    journal.change(&kept([2], "{}"), &keys([])).unwrap();
    assert_eq!(reopened(folder.path()).1, kept([1, 2], "{}"));
    #[cfg(target_os = "linux")]
    {
        journal.file = fs::OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
        let error = journal.change(&kept([3], "{}"), &keys([1])).unwrap_err();
        assert!(journal.keeps(&key(1)) && !journal.keeps(&key(3)), "{error}");
    }
}

#[test]
fn a_file_of_dead_bytes_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopened(folder.path());
    let text = "x".repeat(20_000);
    journal.change(&kept([0], &text), &keys([])).unwrap();
    let mut largest = 0;
    for number in 1..=400 {
        journal.change(&kept([number], &text), &keys(number.checked_sub(2).filter(|one| *one > 0))).unwrap();
        largest = largest.max(bytes(folder.path()).len() as u64);
    }
    assert!(largest < DEAD_BYTES_MAX + 10 * 20_000, "it grew to {largest} bytes");
    drop(journal);
    assert_eq!(reopened(folder.path()).1, kept([0, 399, 400], &text));
    assert!(!folder.path().join("outcomes.new").exists());
}

#[test]
fn a_file_that_cannot_be_written_anew_takes_each_change_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = reopened(folder.path());
    let text = "x".repeat(20_000);
    // Nothing can be written where the new file would be.
    fs::create_dir(folder.path().join("outcomes.new")).unwrap();
    let count = (DEAD_BYTES_MAX / 20_000) as u128 + 20;
    for number in 1..=count {
        journal.change(&kept([number], &text), &keys(number.checked_sub(1))).unwrap();
    }
    assert_eq!(journal.compact_from / DEAD_BYTES_MAX, 2, "not tried with every change");
    let most = (count + 1) as usize * 20_200;
    assert!(bytes(folder.path()).len() < most, "{} bytes", bytes(folder.path()).len());
    fs::remove_dir(folder.path().join("outcomes.new")).unwrap();
    for number in count + 1..=2 * count + 20 {
        journal.change(&kept([number], &text), &keys([number - 1])).unwrap();
    }
    assert!(bytes(folder.path()).len() < most, "once it can be, it is");
    drop(journal);
    assert_eq!(reopened(folder.path()).1, kept([2 * count + 20], &text));
}

#[test]
fn a_damaged_journal_that_cannot_be_copied_keeps_nobody_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("outcomes.journal"), b"something else").unwrap();
    // As little can be copied there as to a full disk.
    fs::create_dir(folder.path().join("outcomes.journal.damaged")).unwrap();
    let (mut journal, found) = reopened(folder.path());
    assert!(found.is_empty());
    journal.change(&kept([1], "{}"), &keys([])).unwrap();
    assert_eq!(reopened(folder.path()).1, kept([1], "{}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever is added, taken out and torn off: what was whole is found, and nothing that was not added.
    #[test]
    fn any_history_is_found_again(
        changes in proptest::collection::vec((0_u128..20, any::<bool>()), 1..30),
        torn in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, mut expected) = reopened(folder.path());
        for (number, adds) in changes {
            let (added, removed) = if adds { (kept([number], "1"), keys([])) } else { (Kept::new(), keys([number])) };
            journal.change(&added, &removed).unwrap();
            expected.extend(added);
            expected.retain(|key, _| !removed.contains(key));
        }
        let mut found = bytes(folder.path());
        found.extend_from_slice(&torn);
        fs::write(folder.path().join("outcomes.journal"), &found).unwrap();
        prop_assert_eq!(reopened(folder.path()).1, expected);
    }
}
