//! Golden bytes of every message: a change here is a new version of the protocol. And a mutation loop that shows
//! the decoder neither panics nor allocates without bound.

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::*;
use crate::ids::{ExecutionId, MarkerId, SessionId, WorkerId};
use crate::logging_level::LoggingLevel;
use crate::names::PoolName;
use crate::priority::Priority;

fn session() -> SessionId {
    SessionId { worker: WorkerId(Uuid::from_u128(0x1111)), counter: 3 }
}

fn execution(n: u128) -> ExecutionId {
    ExecutionId(Uuid::from_u128(n))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The message has exactly the bytes of its golden file, and reads back as it was. A new message's file is made
/// by running this once with `SCALEOUT_WRITE_GOLDEN=1`; a shipped one is never edited.
fn check<M: Message + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(message: &M) {
    let bytes = encode(message).unwrap();
    let file =
        format!("{}/src/wire/golden/{}.v{}.hex", env!("CARGO_MANIFEST_DIR"), M::KIND.as_str(), M::VERSION);
    if std::env::var_os("SCALEOUT_WRITE_GOLDEN").is_some() {
        std::fs::write(&file, hex(&bytes) + "\n").unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(hex(&bytes), golden.trim_end(), "bytes of {message:?}");
    assert_eq!(&decode::<M>(&bytes).unwrap(), message);
    assert_eq!(Kind::of(&bytes), Some(M::KIND));
}

fn outcomes() -> Outcomes {
    let done = Outcome {
        execution: execution(1),
        attempt: 1,
        kind: OutcomeKind::Succeeded,
        error: None,
        result: Some("{}".into()),
    };
    let failed = Outcome {
        kind: OutcomeKind::Failed,
        error: Some("exit code 3".into()),
        result: None,
        ..done.clone()
    };
    Outcomes { session: session(), outcomes: vec![done, failed] }
}

fn pools() -> Vec<PoolName> {
    vec![PoolName::default(), PoolName::new("etl").unwrap()]
}

fn hello() -> Hello {
    Hello {
        session: session(),
        nonce: 0x0102,
        machine: "m".into(),
        host: "h".into(),
        name: "n".into(),
        user: "u".into(),
        version: "0.1.0".into(),
        capacity: 4,
        pools: pools(),
        previous: vec![outcomes()],
    }
}

fn claim_answers() -> ClaimAnswers {
    let grant = Grant {
        package: 0,
        values: Values::Inline("{}".into()),
        timeout_ms: Some(60_000),
        time_left_ms: Some(59_000),
        alone: true,
        logging_level: LoggingLevel::Verbose,
    };
    let granted = ClaimAnswer {
        number: 7,
        execution: execution(1),
        attempt: 1,
        verdict: ClaimVerdict::Granted,
        grant: Some(grant),
    };
    let held = ClaimAnswer { number: 8, verdict: ClaimVerdict::Held, grant: None, ..granted.clone() };
    let package = PackageGrant {
        folder: "f".into(),
        project: "p".into(),
        package: "k".into(),
        bundle: [9; 32],
        project_values: Values::Fetch,
    };
    ClaimAnswers { session: session(), answers: vec![granted, held], packages: vec![package] }
}

fn log_batch() -> LogBatch {
    let record = LogRecord {
        execution: execution(1),
        attempt: 1,
        sequence: 1,
        at_us: 1_700_000_000_000_000,
        kind: MessageType::Stdout,
        source: MessageSource::Task,
        path: "\\Package\\load".into(),
        text: "hi".into(),
    };
    LogBatch { session: session(), records: vec![record] }
}

fn empty() -> Stops {
    Stops { session: session(), stops: Vec::new() }
}

#[test]
fn every_message_has_its_golden_bytes() {
    let stop = Stop { execution: execution(1), attempt: 1 };
    check(&Task { execution: execution(0xabc), attempt: 2, priority: Priority::Low });
    check(&Tasks { tasks: vec![(execution(0xabc), 2), (execution(1), 1)], priority: Priority::High });
    check(&hello());
    check(&Heartbeat { session: session(), number: 9, running: 2, leaving: false });
    check(&Claims {
        session: session(),
        claims: vec![Claim { number: 7, execution: execution(1), attempt: 1 }],
    });
    check(&outcomes());
    check(&log_batch());
    check(&HelloAnswer {
        session: session(),
        verdict: HelloVerdict::Welcome { pools: pools(), enabled: true },
    });
    check(&HeartbeatAnswer {
        session: session(),
        number: 9,
        session_ended: false,
        stops: vec![stop],
        pools: pools(),
        enabled: true,
        drain: false,
    });
    check(&claim_answers());
    check(&OutcomesApplied { session: session(), applied: vec![(execution(1), 1)] });
    check(&Stops { session: session(), stops: vec![stop] });
    let marker = MarkerId(Uuid::from_u128(0x77));
    check(&Marker { marker });
    check(&Markers { session: session(), markers: vec![marker] });
    check(&MarkersSeen { session: session(), markers: vec![marker] });
}

/// A layout that was replaced has its golden bytes for ever, and reads as the one of today.
#[test]
fn messages_of_the_version_before_are_read() {
    check(&v1::ClaimAnswers::from(claim_answers()));
    let was = v2::ClaimAnswers::from(claim_answers());
    check(&was);
    let mut read = decode::<ClaimAnswers>(&encode(&was).unwrap()).unwrap();
    let grant = read.answers[0].grant.as_mut().unwrap();
    assert_eq!(grant.logging_level, LoggingLevel::Basic, "all that a master of the version before knows");
    grant.logging_level = LoggingLevel::Verbose;
    assert_eq!(read, claim_answers());
}

#[test]
fn the_envelope_is_magic_version_kind() {
    let bytes = encode(&empty()).unwrap();
    assert_eq!(hex(&bytes), "534f01140000000000000000000000000000111103000000000000000000000000000000");
}

#[test]
fn what_is_not_ours_is_refused_in_words() {
    let good = encode(&empty()).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        decode::<Stops>(&bytes).unwrap_err().to_string()
    };
    assert_eq!(with(0, 0), "the message does not begin with Scaleout's magic bytes");
    assert_eq!(with(2, 9), "the Stops message has version 9: this build reads up to 1");
    assert_eq!(with(2, 0), "the Stops message has version 0: this build reads up to 1");
    assert_eq!(with(2, 255), "the Stops message has version 255: this build reads up to 1");
    assert_eq!(with(3, 1), "the message is of kind 1: expected Stops");
    assert!(
        decode::<Stops>(&good[..9])
            .unwrap_err()
            .to_string()
            .starts_with("the body of the Stops message is damaged")
    );
    assert!(decode::<Stops>(&[good.clone(), vec![0]].concat()).is_err(), "trailing bytes");
    assert!(decode::<Stops>(b"SO").unwrap_err().to_string().starts_with("the message has 2 bytes"));
    assert!(decode::<Stops>(&vec![0; BODY_BYTES_MAX + 1]).is_err(), "oversize");
}

proptest! {
    /// Damage anywhere is an error or another message, never a panic; and a length of 2^63 allocates nothing.
    #[test]
    fn damaged_bytes_never_panic(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
        let mut bytes = encode(&claim_answers()).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len());
        let _ = decode::<ClaimAnswers>(&bytes);
        let _ = decode::<Hello>(&bytes);
        let _ = Kind::of(&bytes);
    }
}
