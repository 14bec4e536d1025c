//! Over AMQP: what a stranger with an account puts on each queue.

use scaleout_common::ids::{ExecutionId, SessionId, WorkerId};
use scaleout_common::priority::Priority;
use scaleout_common::wire::{
    BODY_BYTES_MAX, Claim, Claims, Heartbeat, Hello, LogBatch, LogRecord, MarkersSeen, MessageSource,
    MessageType, Outcome, OutcomeKind, Outcomes, OutcomesApplied, Stop, Stops, Task, Tasks, encode,
};
use scaleout_tests::harness::{Cluster, MOMENT, until};

use super::unharmed::{Before, attacked};

/// Exchange and routing key, and the queue they lead to.
const CHANNELS: [(&str, &str, &str); 4] = [
    ("scaleout.tasks", "default.normal", "scaleout.tasks.default.normal"),
    ("scaleout.results", "claim", "scaleout.claims"),
    ("scaleout.results", "outcome", "scaleout.outcomes"),
    ("scaleout.results", "log", "scaleout.logs"),
];

fn nobody() -> SessionId {
    SessionId { worker: WorkerId(uuid::Uuid::from_u128(0xbad)), counter: 1 }
}

fn id(text: &str) -> ExecutionId {
    text.parse().expect("an id that the command line printed")
}

/// A message that each channel carries.
fn proper(channel: usize, execution: ExecutionId) -> Vec<u8> {
    let session = nobody();
    let bytes = match channel {
        0 => encode(&Task { execution, attempt: 1, priority: Priority::Normal }),
        1 => encode(&Claims { session, claims: vec![Claim { number: 1, execution, attempt: 1 }] }),
        2 => encode(&outcome(session, execution, 1, "done")),
        _ => encode(&log(session, execution, 0, "hello")),
    };
    bytes.expect("a small message can be written")
}

fn outcome(session: SessionId, execution: ExecutionId, attempt: u32, error: &str) -> Outcomes {
    let error = Some(error.to_owned());
    Outcomes {
        session,
        outcomes: vec![Outcome { execution, attempt, kind: OutcomeKind::Failed, error, result: None }],
    }
}

fn log(session: SessionId, execution: ExecutionId, at_us: i64, text: &str) -> LogBatch {
    let (kind, source) = (MessageType::Stdout, MessageSource::Task);
    let record = LogRecord {
        execution,
        attempt: 1,
        sequence: 1,
        at_us,
        kind,
        source,
        path: text.into(),
        text: text.into(),
    };
    LogBatch { session, records: vec![record] }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_cannot_be_read_are_put_aside_with_the_reason() {
    let (mut cluster, before) = attacked(&[]).await;
    let mut expected = Vec::new();
    for (channel, (exchange, key, _)) in CHANNELS.iter().enumerate() {
        let good = proper(channel, id(&before.pending));
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        for (class, bytes, reason) in [
            ("oversize", vec![b'S'; BODY_BYTES_MAX + 1], "expected 4 to"),
            ("empty", Vec::new(), "the message has 0 bytes"),
            ("truncated", good[..good.len() - 3].to_vec(), "is damaged"),
            ("padded", [&good[..], b"x"].concat(), "is damaged"),
            (
                "a length of 2^63",
                with(good.len() - 1, 0x80).into_iter().chain([0x80; 64]).collect(),
                "is damaged",
            ),
            ("wrong version", with(2, 9), "has version 9"),
            ("version 255", with(2, 255), "has version 255"),
            (
                "another kind",
                encode(&Stops { session: nobody(), stops: Vec::new() }).unwrap(),
                "is of kind 20",
            ),
            ("not ours", b"GET / HTTP/1.1\r\n\r\n".to_vec(), "magic bytes"),
        ] {
            assert!(
                cluster.broker.publish(exchange, key, &bytes, "nobody's inbox").await,
                "{class}: {exchange}"
            );
            expected.push((reason, bytes.len() as u64));
        }
    }
    let is = |(reason, bytes): &(&str, u64), (said, length): &(String, u64)| {
        said.contains(reason) && length == bytes
    };
    let found = until("all are put aside", MOMENT, async || {
        let found = cluster.broker.dead_letters("scaleout.dead").await;
        let missing = expected.iter().find(|one| {
            let wanted = expected.iter().filter(|other| other == one).count();
            found.iter().filter(|letter| is(one, letter)).count() < wanted
        });
        missing.map_or(Ok(found.clone()), |missing| Err(format!("no {missing:?} in {found:?}")))
    })
    .await;
    // Twice, when who had put it aside could not acknowledge it; but nothing else.
    let other = found.iter().find(|letter| !expected.iter().any(|one| is(one, letter)));
    assert_eq!(other, None, "{found:?}");
    assert!(found.len() <= 2 * expected.len(), "{found:?}");
    before.is_unharmed(&mut cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_strangers_and_old_ones_change_nothing() {
    let (mut cluster, before) = attacked(&[]).await;
    let known = session_of_the_worker(&cluster).await;
    for (exchange, key, bytes) in foreign(&before, known) {
        assert!(cluster.broker.publish(exchange, key, &bytes, "nobody's inbox").await);
    }
    // In the worker's own inbox, as if a master had said it.
    let inbox = cluster.broker.queues().await.into_iter().find(|name| name.starts_with("amq.gen-"));
    let inbox = inbox.expect("the worker has an inbox");
    for bytes in false_answers(&before, known) {
        assert!(cluster.broker.publish("", &inbox, &bytes, "").await);
    }
    until("the task in another pool's queue is dropped", MOMENT, async || {
        let log = cluster.workers[0].service.log();
        log.lines()
            .any(|line| line.contains("it is dropped") && line.contains(&before.pending))
            .then_some(())
            .ok_or(log)
    })
    .await;
    before.is_unharmed(&mut cluster).await;
    let dead = cluster.broker.dead_letters("scaleout.dead").await;
    assert!(dead.is_empty(), "{dead:?}");
    let strangers: i64 = cluster
        .catalog
        .query_one("select count(*) from internal.messages where text = 'hello'", &[])
        .await
        .unwrap()
        .get(0);
    assert!(strangers <= 2, "{strangers}");
}

/// As somebody moves them by hand: one, some more when that was refused already, and several in one message.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_in_the_queue_of_another_pool_are_dropped_whenever_and_however_they_come() {
    let (mut cluster, before) = attacked(&[]).await;
    let batch = cluster
        .enqueue(&["t/note/note", "--set", "file=/dev/null", "--pool", "nobody", "--count", "6"])
        .await;
    let ids: Vec<ExecutionId> = cluster.executions(&batch).await.iter().map(|one| id(one.id())).collect();
    let move_one = async |execution| {
        assert!(cluster.broker.publish("scaleout.tasks", "default.normal", &proper(0, execution), "").await);
    };
    move_one(ids[0]).await;
    until("it is refused", MOMENT, async || {
        let log = cluster.workers[0].service.log();
        if log.contains("claims were refused") { Ok(()) } else { Err(log) }
    })
    .await;
    for execution in &ids[1..3] {
        move_one(*execution).await;
    }
    let tasks = ids[3..].iter().map(|execution| (*execution, 1)).collect();
    let several = encode(&Tasks { tasks, priority: Priority::Normal }).unwrap();
    assert!(cluster.broker.publish("scaleout.tasks", "default.normal", &several, "").await);
    let queue = "scaleout.tasks.default.normal";
    // A round of refusals takes a heartbeat, of which there is one in five seconds.
    until("all are dropped", 2 * MOMENT, async || {
        let dropped =
            ids.iter().filter(|id| cluster.workers[0].service.log().contains(&id.to_string())).count();
        match (dropped, cluster.broker.waiting(queue).await) {
            (6, 0) => Ok(()),
            (dropped, waiting) => Err(format!("{dropped} of 6 were dropped, {waiting} messages are there")),
        }
    })
    .await;
    before.is_unharmed(&mut cluster).await;
}

async fn session_of_the_worker(cluster: &Cluster) -> SessionId {
    let row =
        cluster.catalog.query_one("select id, session_counter from internal.workers", &[]).await.unwrap();
    SessionId { worker: WorkerId(row.get(0)), counter: row.get::<_, i64>(1) as u64 }
}

/// Ids of nobody, of another, of the past; and numbers and texts that no column takes.
fn foreign(before: &Before, known: SessionId) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (done, waits, none) =
        (id(&before.succeeded), id(&before.pending), ExecutionId(uuid::Uuid::from_u128(7)));
    let last = SessionId { counter: u64::MAX, ..nobody() };
    let future = SessionId { counter: known.counter + 1_000, ..known };
    let claims = |session, execution, attempt| {
        encode(&Claims { session, claims: vec![Claim { number: u64::MAX, execution, attempt }] }).unwrap()
    };
    let heartbeat = |session| {
        encode(&Heartbeat { session, number: u64::MAX, running: u32::MAX, leaving: false }).unwrap()
    };
    let mut all = Vec::new();
    for execution in [done, waits, none] {
        all.push(("scaleout.tasks", "default.normal", proper(0, execution)));
        for (session, attempt) in
            [(nobody(), 1), (last, u32::MAX), (future, 1), (known, 0), (known, u32::MAX)]
        {
            let report = |text| encode(&outcome(session, execution, attempt, text)).unwrap();
            all.push(("scaleout.results", "outcome", report("stolen")));
            all.push(("scaleout.results", "outcome", report("a\0b")));
        }
        for (session, attempt) in [(nobody(), 1), (last, u32::MAX), (future, 1)] {
            all.push(("scaleout.results", "claim", claims(session, execution, attempt)));
        }
        for (at, text) in [(i64::MAX, "x"), (i64::MIN, "x"), (0, "a\0b")] {
            all.push(("scaleout.results", "log", encode(&log(nobody(), execution, at, text)).unwrap()));
        }
    }
    all.extend([nobody(), last, future].map(|session| ("scaleout.results", "claim", heartbeat(session))));
    // The hello of this very session again, and of one before it, as another machine says it.
    for counter in [0, known.counter] {
        all.push(("scaleout.results", "claim", encode(&hello(SessionId { counter, ..known })).unwrap()));
    }
    all
}

fn hello(session: SessionId) -> Hello {
    let text = |text: &str| text.to_owned();
    Hello {
        session,
        nonce: 1,
        machine: text("another"),
        host: text("a\0b"),
        name: text("a stranger"),
        user: text("\u{1b}[31m"),
        version: text(env!("CARGO_PKG_VERSION")),
        capacity: u32::MAX,
        pools: Vec::new(),
        previous: Vec::new(),
    }
}

fn false_answers(before: &Before, known: SessionId) -> Vec<Vec<u8>> {
    let stop = Stop { execution: id(&before.succeeded), attempt: 1 };
    let stops = |session| encode(&Stops { session, stops: vec![stop] }).unwrap();
    let applied = OutcomesApplied { session: nobody(), applied: vec![(id(&before.pending), 1)] };
    let good = stops(known);
    vec![
        stops(nobody()),
        stops(known),
        encode(&applied).unwrap(),
        encode(&MarkersSeen {
            session: known,
            markers: vec![scaleout_common::ids::MarkerId(uuid::Uuid::from_u128(1))],
        })
        .unwrap(),
        good[..good.len() - 1].to_vec(),
        vec![b'S'; BODY_BYTES_MAX + 1],
        b"not ours".to_vec(),
        Vec::new(),
    ]
}
