//! A slice of the fault run: 50 seconds of faults on private servers, then everything must have kept its promises.
//! `SCALEOUT_FAULTS_SEED` chooses another seed. In a program of its own, so that no other test runs beside it.

use std::process::{Command, Stdio};

const SEED: &str = "1";
const SECONDS: &str = "50";

#[test]
fn a_slice_of_the_fault_run_keeps_every_promise() {
    let seed = std::env::var("SCALEOUT_FAULTS_SEED").unwrap_or_else(|_| SEED.to_owned());
    let mut slice = Command::new(env!("CARGO_BIN_EXE_scaleout-faults"));
    slice.args(["run", "--seed", &seed, "--seconds", SECONDS, "--end-with-parent"]);
    slice.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = slice.spawn().expect("the fault run can be started");
    // It ends what it started when this pipe closes: when this test is gone.
    let lifeline = child.stdin.take();
    let output = child.wait_with_output().expect("the fault run can be waited for");
    drop(lifeline);
    let (told, table) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    eprintln!("{told}\n{table}");
    assert!(output.status.success(), "seed {seed}: {}; what it told is above", output.status);
    assert!(table.contains("all promises kept"), "seed {seed}: no verdict");
}
