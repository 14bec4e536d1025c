//! Hellos: decided over the real rows, carried out whole, and safe against grants and other hellos.

use scaleout_common::ids::SessionId;
use scaleout_common::protocol::hello::{HelloDecision, KnownWorker, decide_hello};
use scaleout_common::status::Status;
use scaleout_common::wire::{ClaimVerdict, Heartbeat, Hello, HelloVerdict, OutcomeKind};
use uuid::Uuid;

use super::rows::Execution;
use super::world::{World, claims, connect, hello, nth, outcomes, stranger, until_waiting};

const NONCE: u128 = 9;

/// How the session that a worker is known by stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Nothing,
    Alive,
    LeaseOver,
    Ended,
}

/// A worker whose highest session is the fifth.
async fn worker(world: &World, known: Known) -> SessionId {
    if known == Known::Nothing {
        return stranger(5);
    }
    let session = nth(world.session().await, 5);
    let id = &session.worker.0;
    let sql = &world.sql;
    let counter = "update internal.workers set session_counter = 5 where id = $1";
    sql.execute(counter, &[id]).await.unwrap();
    let begin = "update internal.sessions
                 set counter = 5, nonce = $2,
                     lease_until = clock_timestamp() + case $3 when 'LeaseOver' then '0' else '1 hour' end::interval,
                     ended_at = case $3 when 'Ended' then clock_timestamp() end
                 where worker_id = $1";
    sql.execute(begin, &[id, &Uuid::from_u128(NONCE), &format!("{known:?}")]).await.unwrap();
    session
}

/// All that hellos may change, as text.
async fn everything(world: &World) -> String {
    world
        .text(
            "select coalesce((select string_agg(xmin::text || w::text, '|' order by id) from internal.workers w), '')
                 || coalesce((select string_agg(xmin::text || s::text, '|' order by worker_id, counter)
                              from internal.sessions s), '')",
        )
        .await
}

#[tokio::test]
async fn each_hello_is_decided_by_what_is_known() {
    let world = World::new().await;
    for known in [Known::Nothing, Known::Alive, Known::LeaseOver, Known::Ended] {
        for counter in [4, 5, 6] {
            for (nonce, machine) in [(NONCE, "machine"), (8, "machine"), (NONCE, "other"), (8, "other")] {
                let session = nth(worker(&world, known).await, counter);
                let hello = Hello { nonce, machine: machine.to_owned(), ..hello(session) };
                let row = (known != Known::Nothing).then(|| KnownWorker {
                    counter: 5,
                    machine: "machine".to_owned(),
                    host: "host".to_owned(),
                    nonce: NONCE,
                    alive: known == Known::Alive,
                    ended: known == Known::Ended,
                });
                let name = format!("{known:?} {hello:?}");
                let decision = decide_hello(row.as_ref(), &hello);
                let before = everything(&world).await;
                let welcome = world.catalog.hello(&hello, "new inbox").await.unwrap();
                let changed = everything(&world).await != before;
                assert_eq!(welcome.answer.session, session, "{name}");
                let begins = matches!(decision, HelloDecision::Begin | HelloDecision::Repeat);
                let expected = match decision {
                    HelloDecision::SessionEnded { highest } => HelloVerdict::SessionEnded { highest },
                    HelloDecision::IdentityInUse { host } => HelloVerdict::IdentityInUse { host },
                    _ => HelloVerdict::Welcome { pools: hello.pools.clone(), enabled: true },
                };
                assert_eq!(welcome.answer.verdict, expected, "{name}");
                assert_eq!(changed, begins, "{name}");
                if begins {
                    assert_eq!(open_sessions(&world, session).await, [counter], "{name}");
                }
            }
        }
    }
    let inboxes =
        "select count(*) from internal.sessions where ended_at is null and lease_until > clock_timestamp()
                   and inbox = 'new inbox'";
    // Unknown 12, above a living one on its machine 2, above others 8, the same again on its machine or dead 3.
    assert!(world.number(inboxes).await > 20);
}

async fn open_sessions(world: &World, session: SessionId) -> Vec<u64> {
    let query =
        "select counter from internal.sessions where worker_id = $1 and ended_at is null order by counter";
    let rows = world.sql.query(query, &[&session.worker.0]).await.unwrap();
    rows.iter().map(|row| row.get::<_, i64>(0).unsigned_abs()).collect()
}

#[tokio::test]
async fn a_hello_settles_the_session_before() {
    let world = World::new().await;
    let one = world.session().await;
    let rows: Vec<_> = (0..4).map(|_| Execution { retries: 1, ..Execution::held(one, None) }).collect();
    world.insert(&rows).await;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let previous = vec![
        outcomes(one, OutcomeKind::Succeeded, &ids[..1]),
        outcomes(one, OutcomeKind::Failed, &ids[1..2]),
        // Of no session that this worker had: fenced.
        outcomes(nth(one, 7), OutcomeKind::Succeeded, &ids[2..3]),
    ];
    let two = Hello { previous, capacity: 9, ..hello(nth(one, 2)) };
    let welcome = world.catalog.hello(&two, "new inbox").await.unwrap();
    assert_eq!(welcome.moved.lost, 2);
    let found = world.look().await;
    let seen =
        ids.iter().map(|id| (found[id].status, found[id].attempt, found[id].failures, found[id].losses));
    let expected = [
        (Status::Succeeded, 1, 0, 0),
        (Status::Created, 2, 1, 0),
        (Status::Created, 2, 0, 1),
        (Status::Created, 2, 0, 1),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    let ending = "select ending from internal.sessions where counter = 1 and ended_at is not null";
    assert_eq!(world.text(ending).await, "superseded");
    assert_eq!(world.number("select capacity::bigint from internal.workers").await, 9);

    // The first answer again, and nothing of what it carries a second time.
    let before = world.whole(&ids).await;
    let again = world.catalog.hello(&two, "new inbox").await.unwrap();
    assert_eq!((again.answer, again.moved.lost), (welcome.answer, 0));
    assert_eq!(world.whole(&ids).await, before);

    // The session before is over for good.
    let beat = Heartbeat { session: one, number: 1, running: 0, leaving: false };
    assert!(world.catalog.heartbeat(&beat, "inbox").await.unwrap().session_ended);
    let late = world.catalog.apply_outcomes(&[outcomes(one, OutcomeKind::Succeeded, &ids)]).await.unwrap();
    assert_eq!(late.matched, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hellos_at_once_the_higher_one_stays() {
    let world = World::new().await;
    for round in 0..60 {
        // Known workers, and ones whose first hellos these are.
        let base = if round % 2 == 0 { world.session().await } else { stranger(1) };
        let (low, high) = (hello(nth(base, 2)), hello(nth(base, 3)));
        let (one, two) = tokio::join!(world.catalog.hello(&low, "low"), world.catalog.hello(&high, "high"));
        let (one, two) = (one.unwrap().answer.verdict, two.unwrap().answer.verdict);
        let welcome = HelloVerdict::Welcome { pools: high.pools.clone(), enabled: true };
        assert_eq!(two, welcome, "round {round}");
        let fenced = matches!(one, HelloVerdict::SessionEnded { .. });
        assert!(fenced || one == welcome, "round {round}: {one:?}");
        assert_eq!(open_sessions(&world, base).await, [3], "round {round}");
    }
}

/// Waits until `count` backends wait for a lock.
/// Two hellos that reach two masters at the same moment: the second is decided after the first has committed.
async fn at_once(world: &World, known: SessionId, first: Hello, second: Hello) -> [HelloVerdict; 2] {
    let blocker = connect(&world.url).await;
    blocker.batch_execute("begin").await.unwrap();
    let lock = "select from internal.workers where id = $1 for update";
    blocker.execute(lock, &[&known.worker.0]).await.unwrap();
    let mut answers = Vec::new();
    for (n, hello) in [first, second].into_iter().enumerate() {
        let catalog = world.catalog.clone();
        answers.push(tokio::spawn(async move { catalog.hello(&hello, "inbox").await }));
        until_waiting(world, n as i64 + 1).await;
    }
    blocker.batch_execute("commit").await.unwrap();
    let mut verdicts = Vec::new();
    for answer in answers {
        verdicts.push(answer.await.unwrap().unwrap().answer.verdict);
    }
    verdicts.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repeat_that_overtakes_the_answer_is_welcome_too() {
    let world = World::new().await;
    let known = world.session().await;
    let two = hello(nth(known, 2));
    let welcome = HelloVerdict::Welcome { pools: two.pools.clone(), enabled: true };
    assert_eq!(at_once(&world, known, two.clone(), two).await, [welcome.clone(), welcome]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copied_folder_cannot_slip_in_beside_the_first_hello() {
    let world = World::new().await;
    let known = world.session().await;
    let original = hello(nth(known, 2));
    let copy = Hello { machine: "other".to_owned(), ..hello(nth(known, 3)) };
    world.sql.batch_execute("update internal.sessions set lease_until = clock_timestamp()").await.unwrap();
    let [first, second] = at_once(&world, known, original.clone(), copy).await;
    assert_eq!(first, HelloVerdict::Welcome { pools: original.pools.clone(), enabled: true });
    assert_eq!(second, HelloVerdict::IdentityInUse { host: "host".to_owned() });
}

/// How a session ends while it is being granted something.
#[derive(Clone, Copy, Debug)]
enum End {
    Hello,
    Leaving,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_grant_outlives_its_session() {
    const ROUNDS: u64 = 200;
    let world = World::new().await;
    let mut outcomes = [0_u64; 2];
    for round in 0..ROUNDS {
        let session = world.session().await;
        let ids = world.pending(5).await;
        let end = if round % 2 == 0 { End::Hello } else { End::Leaving };
        let catalog = world.catalog.clone();
        let ending = tokio::spawn(async move {
            match end {
                End::Hello => drop(catalog.hello(&hello(nth(session, 2)), "new").await.unwrap()),
                End::Leaving => {
                    let leaving = Heartbeat { session, number: 1, running: 0, leaving: true };
                    drop(catalog.heartbeat(&leaving, "inbox").await.unwrap());
                }
            }
        });
        let message = claims(session, 1, &ids);
        let granted = world.grant(&message).await;
        ending.await.unwrap();
        let won = granted.answers.answers.iter().all(|answer| answer.verdict == ClaimVerdict::Granted);
        outcomes[usize::from(won)] += 1;
        let held = "select count(*) from internal.executions e
                    join internal.sessions s on s.worker_id = e.worker_id and s.counter = e.session
                    where e.status in (2, 8) and s.ended_at is not null";
        assert_eq!(world.number(held).await, 0, "round {round}, {end:?}, granted {won}");
        // Whatever was granted has been lost; nothing is forgotten.
        let expected = if won { Status::Created } else { Status::Pending };
        let statuses = world.statuses().await;
        assert!(ids.iter().all(|id| statuses[id] == expected), "round {round}, {end:?}, granted {won}");
        world
            .sql
            .batch_execute("truncate internal.executions, internal.due, internal.attempts")
            .await
            .unwrap();
    }
    eprintln!("refused {}, granted {} of {ROUNDS} rounds", outcomes[0], outcomes[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_very_first_hello_delivered_twice_at_once_is_welcome_twice() {
    let world = World::new().await;
    for round in 0..20 {
        let first = hello(stranger(1));
        let twice = [first.clone(), first.clone()].map(|hello| {
            let catalog = world.catalog.clone();
            tokio::spawn(async move { catalog.hello(&hello, "inbox").await })
        });
        for answer in twice {
            let verdict = answer.await.unwrap().unwrap().answer.verdict;
            let welcome = HelloVerdict::Welcome { pools: first.pools.clone(), enabled: true };
            assert_eq!(verdict, welcome, "round {round}");
        }
    }
}
