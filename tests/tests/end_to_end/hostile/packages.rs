//! Inside bundles and packages: paths that lead out, links, and what terminals would obey.

use scaleout_tests::harness::{Project, Raw};

use super::unharmed::attacked;

/// What an entry of a hostile tar is, its path, and a part of the refusal.
const ENTRIES: [(tar::EntryType, &str, &str); 8] = [
    (tar::EntryType::Regular, "../outside", "../outside"),
    (tar::EntryType::Regular, "/tmp/scaleout-outside", "/tmp/scaleout-outside"),
    (tar::EntryType::Regular, "packages/../../outside", "outside"),
    (tar::EntryType::Symlink, "packages/link.toml", "link"),
    (tar::EntryType::Link, "packages/hard.toml", "hard"),
    (tar::EntryType::Fifo, "packages/pipe.toml", "pipe"),
    (tar::EntryType::Char, "packages/device.toml", "device"),
    (tar::EntryType::Regular, "packages/\u{1b}[31m.toml", "packages/"),
];

fn bundle(entry: tar::EntryType, path: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = |kind, path: &str, text: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        // Past the setter, which would refuse what a stranger writes.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
        }
        header.set_cksum();
        archive.append(&header, text).unwrap();
    };
    header(tar::EntryType::Regular, "project.toml", b"name = \"hostile\"\n");
    header(tar::EntryType::Regular, "packages/p.toml", b"");
    header(entry, path, b"");
    zstd::encode_all(&archive.into_inner().unwrap()[..], 1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_leads_out_of_its_folder_is_refused() {
    let (mut cluster, before) = attacked(&[]).await;
    let token = cluster.token("hostile", "operator").await;
    let mut client = Raw::new(&cluster.masters[0].url);
    let bomb = zstd::encode_all(&vec![0; 300 << 20][..], 1).unwrap();
    let good = bundle(tar::EntryType::Regular, "packages/q.toml");
    let damaged = [(good[..good.len() - 9].to_vec(), ""), (b"no bundle".to_vec(), ""), (bomb, "")];
    let entries = ENTRIES.map(|(entry, path, fragment)| (bundle(entry, path), fragment));
    for (bytes, fragment) in entries.into_iter().chain(damaged) {
        let head = format!(
            "POST /api/v1/folders/t/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}",
            bytes.len()
        );
        let answer = client.send(&head, &bytes).await.unwrap_or_else(|error| panic!("{fragment}: {error}"));
        let text = answer.text();
        assert_eq!(answer.status, 400, "{fragment}: {text}");
        assert!(text.contains("invalid-project") && text.contains(fragment), "{fragment}: {text}");
    }
    let listed = cluster.scaleout(&["project", "list", "--format", "json"]).await.ok();
    assert_eq!(listed.json_lines().len(), 1, "{listed}");
    assert!(!std::path::Path::new("/tmp/scaleout-outside").exists());
    before.is_unharmed(&mut cluster).await;
}

/// Colours, a title, a bell, a carriage return: printed by a package and in its error.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_terminal_would_obey_does_not_reach_it() {
    let (mut cluster, before) = attacked(&[]).await;
    let project = Project::new(cluster.folder(), "loud").package("loud", LOUD).file("loud.sh", LOUD_SH);
    cluster.deploy(&project).await;
    let batch = cluster.enqueue(&["t/loud/loud"]).await;
    let (_, counts) = cluster.wait_batch(&batch).await;
    assert_eq!(counts.get("failed"), Some(&1));
    let id = cluster.executions(&batch).await[0].id().to_owned();
    let logs = cluster.logs_with(&id, "ends").await;
    assert!(logs.contains("red"), "{logs:?}");
    for arguments in [
        &["execution", "logs", &id][..],
        &["execution", "show", &id],
        &["execution", "list"],
        &["execution", "explain", &id],
        &["batch", "show", &batch],
        &["batch", "wait", &batch],
        &["worker", "list"],
        &["status"],
    ] {
        let output = cluster.scaleout(arguments).await;
        let all = format!("{}{}", output.stdout, output.stderr);
        let obeyed = all.chars().find(|c| c.is_control() && !"\n\t".contains(*c));
        assert_eq!(obeyed, None, "{arguments:?}: {all:?}");
    }
    before.is_unharmed(&mut cluster).await;
}

const LOUD: &str = "[tasks.loud]\nkind = \"process\"\ncommand = [\"sh\", \"loud.sh\"]\n";

const LOUD_SH: &str = r#"printf '\033[31mred\033]0;title\007 back\rover \302\233 ends\n'
printf '\033[2Jcleared \000 nothing\n' >&2
exit 3
"#;
