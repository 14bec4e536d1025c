//! Round trip, the same bytes every time, and archives made to hurt.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::files::{FileContent, FilesError, ProjectFiles};

fn project() -> ProjectFiles {
    let mut files = ProjectFiles::new();
    let long = format!("data/{}/file.csv", "deep".repeat(60));
    for (path, bytes, executable) in [
        ("project.toml", b"name = \"p\"\n".to_vec(), false),
        ("load.sh", b"#!/bin/sh\n".to_vec(), true),
        (long.as_str(), vec![0xff; 100_000], false),
        ("empty", Vec::new(), false),
        ("umlaut-\u{e4}", b"x".to_vec(), false),
    ] {
        files.insert(path, FileContent { bytes, executable }).unwrap();
    }
    files
}

type Entry<'a> = (&'a str, tar::EntryType, &'a [u8]);

/// A tar.zst of entries that the `tar` crate itself would not write.
fn hostile(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut archive = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for (path, kind, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn what_is_packed_is_unpacked() {
    let files = project();
    let bundle = pack(&files).unwrap();
    assert_eq!(unpack(&bundle.bytes).unwrap(), files);
    assert_eq!(hash(&bundle.bytes), bundle.hash);
    assert!(unpack(&pack(&ProjectFiles::new()).unwrap().bytes).unwrap().is_empty());
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let mut reversed = ProjectFiles::new();
    let files = project();
    let entries: Vec<_> = files.iter().collect();
    for (path, content) in entries.into_iter().rev() {
        reversed.insert(path, content.clone()).unwrap();
    }
    assert_eq!(pack(&files).unwrap(), pack(&reversed).unwrap());
}

#[test]
fn only_plain_files_inside_are_taken() {
    use tar::EntryType::{Block, Char, Directory, Fifo, Link, Regular, Symlink};
    let cases: &[(&[Entry<'_>], &str)] = &[
        (&[("../out", Regular, b"x")], r#"the path "../out" is not a plain path inside the project folder"#),
        (&[("/etc/x", Regular, b"x")], r#"the path "/etc/x" is not a plain path inside the project folder"#),
        (&[("a/../b", Regular, b"x")], r#"the path "a/../b" is not a plain path inside the project folder"#),
        (&[("./a", Regular, b"x")], r#"the path "./a" is not a plain path inside the project folder"#),
        (&[("a\\b", Regular, b"x")], r#"the path "a\\b" is not a plain path inside the project folder"#),
        (&[("", Regular, b"x")], r#"the path "" is not a plain path inside the project folder"#),
        (
            &[("a", Regular, b"x"), ("a", Regular, b"y")],
            r#"the path "a" is there twice, or is both a file and a folder"#,
        ),
        (
            &[("a", Regular, b"x"), ("a/b", Regular, b"y")],
            r#"the path "a/b" is there twice, or is both a file and a folder"#,
        ),
        (
            &[("a/b", Regular, b"x"), ("a", Regular, b"y")],
            r#"the path "a" is there twice, or is both a file and a folder"#,
        ),
        (&[("a", Symlink, b"")], r#"the bundle holds "a", which is a link: only plain files are allowed"#),
        (&[("a", Link, b"")], r#"the bundle holds "a", which is a link: only plain files are allowed"#),
        (
            &[("a", Directory, b"")],
            r#"the bundle holds "a", which is a folder: only plain files are allowed"#,
        ),
        (&[("a", Char, b"")], r#"the bundle holds "a", which is a device: only plain files are allowed"#),
        (&[("a", Block, b"")], r#"the bundle holds "a", which is a device: only plain files are allowed"#),
        (&[("a", Fifo, b"")], r#"the bundle holds "a", which is a pipe: only plain files are allowed"#),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (entries, expect) in cases {
        let bytes = hostile(entries);
        assert_eq!(unpack(&bytes).unwrap_err().to_string(), *expect);
        let target = folder.path().join("target");
        assert_eq!(extract_to(&bytes, &target).unwrap_err().to_string(), *expect);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left: {entries:?}");
    }
}

#[test]
fn a_damaged_bundle_is_refused() {
    let good = pack(&project()).unwrap().bytes;
    for cut in [0, 1, good.len() / 2, good.len() - 1] {
        let refused = unpack(&good[..cut]);
        assert!(matches!(refused, Err(BundleError::Damaged(_))), "cut at {cut}: {refused:?}");
    }
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    assert!(unpack(&flipped).is_err(), "one bit was turned");
    assert!(matches!(unpack(b"PK\x03\x04 a zip file"), Err(BundleError::Damaged(_))));
}

#[test]
fn a_bomb_is_refused_without_being_unpacked() {
    // An entry that says it has 2 TiB, and one whose stream goes on for ever after the end.
    let mut header = tar::Header::new_gnu();
    header.set_path("bomb").unwrap();
    header.set_size(1 << 41);
    header.set_mode(0o644);
    header.set_cksum();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(header.as_bytes()).unwrap();
    let bytes = encoder.finish().unwrap();
    assert!(matches!(unpack(&bytes), Err(BundleError::Files(FilesError::TooLarge))));

    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let zeros = vec![0u8; 1024 * 1024];
    for _ in 0..8 {
        encoder.write_all(&zeros).unwrap();
    }
    let refused = unpack(&encoder.finish().unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "the bundle is damaged: there is more behind the end of the archive");
    let too_large = vec![0u8; PACKED_BYTES_MAX + 1];
    assert!(matches!(unpack(&too_large), Err(BundleError::PackedTooLarge)));
}

#[test]
fn a_bundle_over_the_limit_is_not_made() {
    // Bytes that do not compress: xorshift, so that the test needs no file of 65 MiB.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(PACKED_BYTES_MAX + 8);
    while bytes.len() <= PACKED_BYTES_MAX {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    let mut files = ProjectFiles::new();
    files.insert("noise", FileContent { bytes, executable: false }).unwrap();
    assert!(matches!(pack(&files), Err(BundleError::PackedTooLarge)));
}

#[test]
fn an_extracted_bundle_is_read_only_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("cache").join("abc");
    let bundle = pack(&project()).unwrap();
    extract_to(&bundle.bytes, &target).unwrap();
    let mode = |name: &str| std::fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("load.sh"), mode("project.toml")), (0o555, 0o444));
    assert_eq!(crate::folder::read(&target).unwrap(), project());
    // Again, as when two executions of one bundle come at once: it stays as it is.
    extract_to(&bundle.bytes, &target).unwrap();
    assert_eq!(std::fs::read_dir(folder.path().join("cache")).unwrap().count(), 1);
}
