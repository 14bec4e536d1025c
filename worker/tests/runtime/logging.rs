//! Logging levels: what each keeps of the same package.

use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::wire::MessageType;

use super::world::{World, task};

/// A failure that is handled, a skipped task, output on both streams, a condition and a sensitive value.
fn package() -> String {
    let fails = task("fails", "echo out; echo err >&2; exit 3", "fail-parent = false\nretries = 1");
    let next = task("next", "true", "after = [\"fails\"]");
    let mend = task(
        "mend",
        "echo {{ @secret }}",
        "stdout = \"said\"\nafter = [{ task = \"fails\", on = \"failure\", when = \"@n > 1\" }]",
    );
    let head = "[parameters.secret]\ntype = \"string\"\nsensitive = true\nrequired = true\n[variables.n]\ntype = \"int64\"\nvalue = 2\n[variables.said]\ntype = \"string\"\n";
    format!("{head}{fails}{next}{mend}")
}

async fn log(level: LoggingLevel) -> Vec<(MessageType, String)> {
    let mut world = World::new().await;
    world.logging_level = level;
    world.values = serde_json::json!({ "secret": "sesame" });
    let went = world.run(&package()).await;
    went.succeeded();
    let numbers: Vec<u64> = went.log.iter().map(|record| record.sequence).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "what is left out leaves no hole");
    went.log.into_iter().map(|record| (record.kind, record.text)).collect()
}

fn has(log: &[(MessageType, String)], kind: MessageType) -> bool {
    log.iter().any(|(found, _)| *found == kind)
}

#[tokio::test]
async fn none_keeps_nothing() {
    assert_eq!(log(LoggingLevel::None).await, []);
}

#[tokio::test]
async fn performance_keeps_what_durations_and_errors_are_read_from() {
    let log = log(LoggingLevel::Performance).await;
    for kind in MessageType::ALL {
        let kept = LoggingLevel::Performance.keeps(kind);
        assert_eq!(has(&log, kind), kept, "{kind:?} in {log:?}");
    }
}

#[tokio::test]
async fn verbose_keeps_what_basic_does_and_why() {
    let (basic, verbose) = (log(LoggingLevel::Basic).await, log(LoggingLevel::Verbose).await);
    for kind in MessageType::ALL {
        assert!(has(&basic, kind) && has(&verbose, kind), "{kind:?}");
    }
    let more: Vec<&str> = verbose
        .iter()
        .filter(|(kind, text)| {
            *kind == MessageType::Information && !basic.iter().any(|(_, known)| known == text)
        })
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(
        more,
        [
            r#"starts "sh" "-c" "echo out; echo err >&2; exit 3""#,
            r#"starts "sh" "-c" "echo out; echo err >&2; exit 3""#,
            "its condition after fails is true",
            r#"starts "sh" "-c" "echo ***""#,
            "said = ***",
        ]
    );
}
