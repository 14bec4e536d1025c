//! Programs that are not there, print what is no text, or print without end.

use scaleout_tests::harness::{MOMENT, Project, cluster};

const LOG_BYTES_MAX: usize = 100_000;

fn process(command: &str) -> String {
    format!("[tasks.run]\nkind = \"process\"\ncommand = {command}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_programs_do_no_harm() {
    let cluster = cluster(1, 1, &[("worker.log_bytes_max", "100000"), ("worker.stop_grace_s", "1")]).await;
    let project = Project::new(cluster.folder(), "odd")
        .package("missing", &process(r#"["no-such-program-anywhere"]"#))
        .package("binary", &process(r#"["printf", "before\\n\\377\\376\\000 \\033[31mred\\nafter\\n"]"#))
        .package("endless", &process(r#"["yes", "and on it goes"]"#))
        .package("much", &process(r#"["sh", "-c", "yes 0123456789 | head -c 20000000; echo the-end >&2"]"#));
    cluster.deploy(&project).await;
    let endless = cluster.enqueue_one(&["t/odd/endless", "--timeout", "3s"]).await;
    let [missing, binary, much] = [
        cluster.enqueue_one(&["t/odd/missing"]).await,
        cluster.enqueue_one(&["t/odd/binary"]).await,
        cluster.enqueue_one(&["t/odd/much"]).await,
    ];

    let failed = cluster.reaches(&missing, &["failed"], MOMENT).await;
    for words in ["no-such-program-anywhere", "no such program in PATH"] {
        assert!(failed.text("error").contains(words), "{failed:?}");
    }
    cluster.reaches(&binary, &["succeeded"], MOMENT).await;
    let log = cluster.logs_with(&binary, "run succeeded").await;
    for words in ["before", "\\xff\\xfe\\x00", "not UTF-8", "after"] {
        assert!(log.contains(words), "{words:?} is not in the log:\n{log}");
    }
    assert!(!log.contains('\u{1b}'), "an escape sequence reaches the terminal:\n{log:?}");
    cluster.reaches(&much, &["succeeded"], MOMENT).await;
    let log = cluster.logs_with(&much, "of output are cut").await;
    let kept: usize = log.lines().filter(|line| line.contains("0123456789")).count() * 10;
    assert!((LOG_BYTES_MAX / 2..=LOG_BYTES_MAX).contains(&kept), "{kept} bytes were kept");
    let failed = cluster.reaches(&endless, &["failed"], MOMENT).await;
    assert!(failed.text("error").contains("timeout"), "{failed:?}");
    let log = cluster.logs_with(&endless, "of output are cut").await;
    let kept: usize = log.lines().filter(|line| line.contains("and on it goes")).count() * 14;
    assert!((LOG_BYTES_MAX / 2..=LOG_BYTES_MAX).contains(&kept), "{kept} bytes were kept");
}
