//! What programs print, however much and whatever it is.

use scaleout_common::wire::MessageType;

use super::world::{World, task};

#[tokio::test]
async fn output_beyond_the_bound_is_drained_counted_and_told_once() {
    let mut world = World::new().await;
    world.limits.log_bytes_max = 10_000;
    let went = world.run_script("yes 0123456789 | head -n 300000; echo done >&2").await;
    went.succeeded();
    let kept: usize = went.stdout().iter().map(|line| line.len()).sum();
    assert!((9_900..=10_000).contains(&kept), "{kept}");
    let warnings = went.texts(MessageType::Warning);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("of output are cut: an execution keeps 10000 bytes"), "{warnings:?}");
    let cut: usize = warnings[0].split(' ').next().unwrap().parse().unwrap();
    // Every line is either kept or counted; the last word on stderr is one of the cut ones.
    assert_eq!(went.stdout().len() + cut, 300_001);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_escaped_and_flagged_once() {
    let world = World::new().await;
    let went = world.run_script("printf 'a\\377b\\000c\\n\\376\\n'; printf 'plain'").await;
    went.succeeded();
    assert_eq!(went.stdout(), ["a\\xffb\\x00c", "\\xfe", "plain"]);
    assert_eq!(went.texts(MessageType::Warning).len(), 1);
}

#[tokio::test]
async fn long_lines_come_in_pieces_that_fit() {
    let world = World::new().await;
    let went =
        world.run_script("head -c 200000 /dev/zero | tr '\\0' x; echo; head -c 40000 /dev/zero; echo").await;
    went.succeeded();
    assert!(went.log.iter().all(|record| record.text.len() <= 65_536));
    let all = went.stdout().concat();
    assert_eq!(all.matches('x').count(), 200_000 + 40_000, "x of the line and of every \\x00");
}

#[tokio::test]
async fn a_stray_that_keeps_the_output_open_holds_up_nothing_for_long() {
    let world = World::new().await;
    // The program goes only when the stray has left its group.
    let script = r#"cd "$SCALEOUT_WORK_DIR"; mkfifo left; setsid sh -c "echo stray \$\$; echo > left; exec sleep 1000" & cat left; echo last"#;
    let mut running = world.start(&task("run", script, ""));
    let stray = running.process("stray").await;
    let went = running.end().await;
    went.succeeded();
    stray.dies();
    let warnings = went.texts(MessageType::Warning);
    assert!(warnings.iter().any(|text| text.contains("kept the output open")), "{warnings:?}");
    assert!(went.stdout().contains(&"last"));
}

#[tokio::test]
async fn a_full_log_slows_the_program_and_loses_nothing() {
    let world = World::new().await;
    // The channel holds 16 records, and nobody reads it until the program is long blocked on its pipe.
    let mut running = world.start(&task("run", "echo begin $$; yes 0123456789 | head -n 50000", ""));
    running.process("begin").await.lives();
    let went = running.end().await;
    went.succeeded();
    assert_eq!(went.stdout().len(), 50_001);
}
