//! The packages that most tests run: they note what they do in a file.

use scaleout_tests::harness::{Cluster, Project};

/// Notes its start and its end in `$1`, and sleeps `$2` seconds between them.
const NOTE: &str = r#"#!/bin/sh
echo "$SCALEOUT_EXECUTION_ID $SCALEOUT_ATTEMPT start" >> "$1"
[ "$2" = 0 ] || sleep "$2"
echo "$SCALEOUT_EXECUTION_ID $SCALEOUT_ATTEMPT end" >> "$1"
"#;

/// The same, but its first attempt would sleep for ever.
const FIRST_SLEEPS: &str = r#"#!/bin/sh
[ "$SCALEOUT_ATTEMPT" = 1 ] && exec sh note.sh "$1" 600
exec sh note.sh "$1" 0
"#;

/// The same, but its first attempt prints and never stops.
const FIRST_PRINTS: &str = r#"#!/bin/sh
while [ "$SCALEOUT_ATTEMPT" = 1 ]; do echo "on and on"; sleep 0.05; done
exec sh note.sh "$1" 0
"#;

const PACKAGE: &str = r#"
[parameters.file]
type = "string"
required = true

[parameters.seconds]
type = "string"
default = "0"

[tasks.note]
kind = "process"
command = ["sh", "SCRIPT", "{{ @file }}", "{{ @seconds }}"]
"#;

/// Deploys `t/note/note` (parameters `file`, and `seconds` to sleep), `t/note/first-sleeps` and `t/note/first-prints`
/// (`file`).
pub(crate) async fn deploy(cluster: &Cluster) {
    let project = Project::new(cluster.folder(), "note")
        .package("note", &PACKAGE.replace("SCRIPT", "note.sh"))
        .package("first-sleeps", &PACKAGE.replace("SCRIPT", "first-sleeps.sh"))
        .package("first-prints", &PACKAGE.replace("SCRIPT", "first-prints.sh"))
        .file("note.sh", NOTE)
        .file("first-sleeps.sh", FIRST_SLEEPS)
        .file("first-prints.sh", FIRST_PRINTS);
    cluster.deploy(&project).await;
}
