//! The packages that most tests run: they note what they do in a file.

use scaleout_tests::harness::{Cluster, Project};

/// Notes its start and its end in `$1`, and sleeps `$2` seconds between them.
const NOTE: &str = r#"#!/bin/sh
echo "$SCALEOUT_EXECUTION_ID $SCALEOUT_ATTEMPT start" >> "$1"
[ "$2" = 0 ] || sleep "$2"
echo "$SCALEOUT_EXECUTION_ID $SCALEOUT_ATTEMPT end" >> "$1"
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
command = ["sh", "note.sh", "{{ @file }}", "{{ @seconds }}"]
"#;

/// Deploys `t/note/note`: parameters `file`, and `seconds` to sleep.
pub(crate) async fn deploy(cluster: &Cluster) {
    let project = Project::new(cluster.folder(), "note").package("note", PACKAGE).file("note.sh", NOTE);
    cluster.deploy(&project).await;
}
