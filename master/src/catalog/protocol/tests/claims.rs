//! Grants: each claim is answered as `answer_claim` says, and no execution is granted twice.

use std::collections::{BTreeMap, HashMap};

use scaleout_common::ids::SessionId;
use scaleout_common::protocol::claim::{ClaimOf, Claimed, answer_claim};
use scaleout_common::protocol::outcome::StopReason;
use scaleout_common::status::Status;
use scaleout_common::wire::{Claim, ClaimAnswers, ClaimVerdict, Claims, Heartbeat, Values};

use super::super::PackageGrants;
use super::rows::Execution;
use super::world::{self, World, claims, nth, stranger};

/// Pools that the worker serves, and one that it does not.
const POOLS: [(&str, bool); 3] = [("default", true), ("etl", true), ("other", false)];

#[derive(Clone, Copy, Debug)]
enum Holder {
    Nobody,
    /// The same claim, come before.
    ThisClaim,
    OtherClaim,
    SessionBefore,
    OtherWorker,
}

struct Case {
    row: Execution,
    claim: Claim,
    served: bool,
}

fn cases(session: SessionId) -> Vec<Case> {
    use Holder::{Nobody, OtherClaim, OtherWorker, SessionBefore, ThisClaim};
    let mut cases = Vec::new();
    for status in Status::ALL {
        for holder in [Nobody, ThisClaim, OtherClaim, SessionBefore, OtherWorker] {
            for (row_attempt, attempt) in [(1, 1), (2, 1), (2, 2), (2, 3)] {
                for (pool, served) in POOLS {
                    for deadline_s in [None, Some(60), Some(-60)] {
                        let number = cases.len() as u64 + 1;
                        let holder = match holder {
                            Nobody => None,
                            ThisClaim => Some((session, number)),
                            OtherClaim => Some((session, number + 100_000)),
                            SessionBefore => Some((nth(session, 0), number)),
                            OtherWorker => Some((stranger(1), number)),
                        };
                        let stopping = (status == Status::Stopping).then_some(StopReason::User);
                        let row = Execution { holder, stopping, pool, deadline_s, ..Execution::new(status) };
                        let row = Execution { attempt: row_attempt, ..row };
                        let claim = Claim { number, execution: row.id, attempt };
                        cases.push(Case { row, claim, served });
                    }
                }
            }
        }
    }
    cases
}

/// What the row is after the grant's compare-and-set, and what `answer_claim` says to that.
fn expected(case: &Case, session: SessionId, enabled: bool) -> (bool, ClaimVerdict) {
    let (row, allowed) = (&case.row, case.served && enabled);
    // What had started in time is tried again after its deadline, too.
    let in_time = row.attempt > 1 || row.deadline_s.is_none_or(|deadline| deadline > 0);
    let wins = row.status == Status::Pending && row.attempt == case.claim.attempt && allowed && in_time;
    let (status, holder) = if wins {
        (Status::Running, Some((session, case.claim.number)))
    } else {
        (row.status, row.holder.filter(|_| row.status.is_held()))
    };
    let after = Claimed { status, attempt: row.attempt, holder, allowed };
    let claim = ClaimOf { session, number: case.claim.number, attempt: case.claim.attempt };
    (wins, answer_claim(Some(after), claim))
}

async fn grant(world: &World, message: &Claims) -> (ClaimAnswers, u64) {
    let granted = world.grant(message).await;
    (granted.answers, granted.granted)
}

async fn every_claim_is_answered_as_decided(enabled: bool) {
    let world = World::new().await;
    let session = world.session().await;
    world.sql.execute("update internal.workers set enabled = $1", &[&enabled]).await.unwrap();
    let cases = cases(session);
    world.insert(&cases.iter().map(|case| case.row.clone()).collect::<Vec<_>>()).await;
    world.sql.batch_execute("delete from internal.grants").await.unwrap();
    let mut message = Claims { session, claims: cases.iter().map(|case| case.claim).collect() };
    let unknown = claims(session, 1_000_000, &[Execution::new(Status::Pending).id]);
    message.claims.extend(unknown.claims);
    let ids: Vec<_> = cases.iter().map(|case| case.row.id).collect();
    let before = world.whole(&ids).await;

    let (answers, granted) = grant(&world, &message).await;
    assert_eq!(answers.session, session);
    assert_eq!(answers.answers.len(), message.claims.len());
    assert_eq!(answers.answers.last().unwrap().verdict, ClaimVerdict::Ended, "it is not in the catalog");
    let (after, found) = (world.whole(&ids).await, world.look().await);
    let mut wins = 0;
    let mut verdicts: HashMap<ClaimVerdict, u32> = HashMap::new();
    for (case, answer) in cases.iter().zip(&answers.answers) {
        let (won, verdict) = expected(case, session, enabled);
        let name = format!("{:?} {:?}", case.row, case.claim);
        let told = (answer.number, answer.execution, answer.attempt, answer.verdict);
        assert_eq!(told, (case.claim.number, case.row.id, case.claim.attempt, verdict), "{name}");
        assert_eq!(answer.grant.is_some(), verdict == ClaimVerdict::Granted, "{name}");
        if won {
            let holder = found[&case.row.id].holder;
            assert_eq!(found[&case.row.id].status, Status::Running, "{name}");
            assert_eq!(holder, Some((session, case.claim.number)), "{name}");
        } else {
            assert_eq!(before[&case.row.id], after[&case.row.id], "{name}");
        }
        wins += u64::from(won);
        *verdicts.entry(verdict).or_default() += 1;
    }
    assert_eq!(granted, wins);
    assert_eq!(wins > 0, enabled);
    // All but `session-ended`, also while disabled: what it holds already is not taken from it.
    assert_eq!(verdicts.len(), 6, "{verdicts:?}");
    let noted = "select coalesce(sum(cardinality(ids)), 0)::bigint from internal.grants";
    assert_eq!(world.number(noted).await as u64, wins);
    assert_eq!(world.number("select count(*) from internal.grants").await, i64::from(enabled));

    // The message comes again: the same answers, and nothing changes.
    let (mut again, granted) = grant(&world, &message).await;
    let mut first = answers;
    for answer in first.answers.iter_mut().chain(&mut again.answers) {
        answer.grant.iter_mut().for_each(|grant| grant.timeout_ms = None);
    }
    assert_eq!((again, granted), (first, 0));
    assert_eq!(world.whole(&ids).await, after);
    assert_eq!(world.number("select count(*) from internal.grants").await, i64::from(enabled));
}

#[tokio::test]
async fn an_enabled_worker_is_answered_as_decided() {
    every_claim_is_answered_as_decided(true).await;
}

#[tokio::test]
async fn a_disabled_worker_is_answered_as_decided() {
    every_claim_is_answered_as_decided(false).await;
}

#[tokio::test]
async fn another_claim_of_the_same_session_is_held() {
    let world = World::new().await;
    let session = world.session().await;
    let ids = world.pending(3).await;
    let verdicts = |answers: &ClaimAnswers| answers.answers.iter().map(|a| a.verdict).collect::<Vec<_>>();
    let (first, granted) = grant(&world, &claims(session, 1, &ids)).await;
    assert_eq!((verdicts(&first), granted), (vec![ClaimVerdict::Granted; 3], 3));
    let (other, granted) = grant(&world, &claims(session, 4, &ids)).await;
    assert_eq!((verdicts(&other), granted), (vec![ClaimVerdict::Held; 3], 0));

    // Two claims of one execution in one message: one of them gets it.
    let ids = world.pending(1).await;
    let mut twice = claims(session, 10, &ids);
    twice.claims.extend(claims(session, 11, &ids).claims);
    let (answers, granted) = grant(&world, &twice).await;
    let mut told = verdicts(&answers);
    told.sort_by_key(|verdict| *verdict == ClaimVerdict::Held);
    assert_eq!((told, granted), (vec![ClaimVerdict::Granted, ClaimVerdict::Held], 1));
}

#[tokio::test]
async fn a_ghost_in_the_same_message_does_not_spoil_the_claim() {
    let world = World::new().await;
    let session = world.session().await;
    for numbers in [[1, 2], [4, 3]] {
        let row = Execution { attempt: 2, ..Execution::new(Status::Pending) };
        world.insert(std::slice::from_ref(&row)).await;
        let claim = |(number, attempt)| Claim { number, execution: row.id, attempt };
        let message = Claims { session, claims: numbers.into_iter().zip([2, 1]).map(claim).collect() };
        let (answers, granted) = grant(&world, &message).await;
        let told: Vec<_> = answers.answers.iter().map(|answer| answer.verdict).collect();
        assert_eq!((told, granted), (vec![ClaimVerdict::Granted, ClaimVerdict::Stale], 1), "{numbers:?}");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_gets_nothing() {
    let world = World::new().await;
    let ended = world.session().await;
    let ids = world.pending(5).await;
    world.sql.batch_execute("update internal.sessions set ended_at = clock_timestamp()").await.unwrap();
    for session in [ended, nth(ended, 2), stranger(1)] {
        let (answers, granted) = grant(&world, &claims(session, 1, &ids)).await;
        assert_eq!((answers.answers.len(), granted), (5, 0));
        assert!(answers.answers.iter().all(|answer| answer.verdict == ClaimVerdict::SessionEnded));
        assert!(world.statuses().await.values().all(|status| *status == Status::Pending));
    }
}

#[tokio::test]
async fn a_session_whose_lease_is_over_gets_its_answer_after_its_heartbeat() {
    let world = World::new().await;
    let session = world.session().await;
    let ids = world.pending(5).await;
    world.sql.batch_execute("update internal.sessions set lease_until = clock_timestamp()").await.unwrap();
    let message = claims(session, 1, &ids);
    let before = world.whole(&ids).await;
    assert!(world::grant(&world.catalog, &message).await.is_none(), "no answer, and no end");
    assert_eq!(world.whole(&ids).await, before);
    let heartbeat = Heartbeat { session, number: 1, running: 0, leaving: false };
    assert!(!world.catalog.heartbeat(&heartbeat, "inbox").await.unwrap().session_ended);
    assert_eq!(grant(&world, &message).await.1, 5);
}

#[tokio::test]
async fn sensitive_and_large_values_are_fetched() {
    let world = World::new().await;
    let session = world.session().await;
    let sealed_batch = world.batch("{\"a\": 1}", Some(b"sealed")).await;
    let large_batch = world.batch(&"x".repeat(16 * 1024 + 1), None).await;
    let with = |size: Option<usize>, sealed, batch| {
        let parameters = size.map(|size| "x".repeat(size));
        Execution { parameters, sealed, batch, ..Execution::new(Status::Pending) }
    };
    let inline = |size| Values::Inline("x".repeat(size));
    let empty = || Values::Inline("{}".to_owned());
    let cases = [
        (with(None, false, None), empty(), empty()),
        (with(Some(7), false, None), inline(7), empty()),
        (with(Some(16 * 1024), false, None), inline(16 * 1024), empty()),
        (with(Some(16 * 1024 + 1), false, None), Values::Fetch, empty()),
        (with(Some(7), true, None), Values::Fetch, empty()),
        (with(None, true, None), Values::Fetch, empty()),
        (with(None, false, Some(sealed_batch)), empty(), Values::Fetch),
        (with(None, false, Some(large_batch)), empty(), Values::Fetch),
    ];
    world.insert(&cases.iter().map(|case| case.0.clone()).collect::<Vec<_>>()).await;
    let ids: Vec<_> = cases.iter().map(|case| case.0.id).collect();
    let (answers, _) = grant(&world, &claims(session, 1, &ids)).await;
    assert_eq!(answers.packages.len(), 3, "each package of a batch is named once");
    for (answer, (row, values, project_values)) in answers.answers.iter().zip(&cases) {
        let grant = answer.grant.as_ref().unwrap();
        let package = &answers.packages[grant.package as usize];
        assert_eq!((&grant.values, &package.project_values), (values, project_values), "{row:?}");
        assert_eq!((&*package.folder, &*package.project, &*package.package), ("f", "p", "k"));
        assert_eq!(package.bundle, [0xab; 32]);
    }
}

/// It never changes; here it does, to see whether it is read.
#[tokio::test]
async fn what_is_known_of_a_package_is_read_once() {
    let world = World::new().await;
    let session = world.session().await;
    let ids = world.pending(3).await;
    let known = PackageGrants::default();
    let values = async |number: usize, known: &PackageGrants| {
        let message = claims(session, number as u64 + 1, &ids[number..=number]);
        let granted = world.catalog.grant(&message, known).await.unwrap().unwrap();
        let package = granted.answers.packages[0].clone();
        assert_eq!((&*package.folder, &*package.project, &*package.package), ("f", "p", "k"));
        package.project_values
    };
    // Another batch of the same package has its own.
    let other =
        Execution { batch: Some(world.batch("{\"a\": 1}", None).await), ..Execution::new(Status::Pending) };
    world.insert(std::slice::from_ref(&other)).await;
    let (old, new) = (Values::Inline("{}".to_owned()), Values::Inline("{\"b\": 2}".to_owned()));
    assert_eq!(values(0, &known).await, old);
    world
        .sql
        .batch_execute("update internal.batch_packages set project_values = '{\"b\": 2}'")
        .await
        .unwrap();
    assert_eq!(values(1, &known).await, old);
    assert_eq!(values(2, &PackageGrants::default()).await, new);
    let granted = world.catalog.grant(&claims(session, 4, &[other.id]), &known).await.unwrap().unwrap();
    assert_eq!(granted.answers.packages[0].project_values, new, "{:?}", granted.answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_claim_the_same_get_each_execution_once() {
    let world = World::new().await;
    let ids = world.pending(200).await;
    let mut tasks = Vec::new();
    for n in 0..8 {
        let session = world.session().await;
        let mut mine = ids.clone();
        // Each in another order, as deliveries come.
        mine.rotate_left(n * 25);
        let catalog = world.catalog.clone();
        tasks.push(tokio::spawn(async move {
            let mut granted = Vec::new();
            for (n, part) in mine.chunks(40).enumerate() {
                let message = claims(session, n as u64 * 40 + 1, part);
                let answers = world::grant(&catalog, &message).await.unwrap().answers;
                let won = answers.answers.iter().filter(|answer| answer.verdict == ClaimVerdict::Granted);
                granted.extend(won.map(|answer| answer.execution));
            }
            (session, granted)
        }));
    }
    let mut holders = BTreeMap::new();
    for task in tasks {
        let (session, granted) = task.await.unwrap();
        for id in granted {
            let before = holders.insert(id, session);
            assert_eq!(before, None, "{id} was granted twice");
        }
    }
    assert_eq!(holders.len(), ids.len());
    for (id, found) in world.look().await {
        assert_eq!(found.holder.map(|(session, _)| session), Some(holders[&id]));
    }
    let noted = "select sum(cardinality(ids))::bigint from internal.grants";
    assert_eq!(world.number(noted).await, 200);
}

#[tokio::test]
async fn a_copy_of_a_refused_claim_is_never_granted() {
    let world = World::new().await;
    let session = world.session().await;
    let ids = world.pending(2).await;
    let enable = async |enabled: bool| {
        world.sql.execute("update internal.workers set enabled = $1", &[&enabled]).await.unwrap();
    };
    let verdicts = async |first: u64| {
        let (answers, _) = grant(&world, &claims(session, first, &ids)).await;
        answers.answers.iter().map(|answer| answer.verdict).collect::<Vec<_>>()
    };
    enable(false).await;
    assert_eq!(verdicts(7).await, [ClaimVerdict::NotYours; 2]);
    enable(true).await;
    // Its session has forgotten it: granted now, it would be held by a session that does not know.
    assert_eq!(verdicts(7).await, [ClaimVerdict::NotYours; 2]);
    assert_eq!(verdicts(6).await, [ClaimVerdict::NotYours; 2], "what was claimed before goes back, too");
    assert_eq!(verdicts(9).await, [ClaimVerdict::Granted; 2]);
    assert_eq!(verdicts(9).await, [ClaimVerdict::Granted; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_masters_that_refuse_and_grant_copies_agree() {
    let world = World::new().await;
    for round in 0..20 {
        let session = world.session().await;
        let ids = world.pending(3).await;
        let message = claims(session, 1, &ids);
        let worker = session.worker.0;
        let set = "update internal.workers set enabled = $1 where id = $2";
        world.sql.execute(set, &[&false, &worker]).await.unwrap();
        let ask = || {
            let (catalog, message) = (world.catalog.clone(), message.clone());
            tokio::spawn(async move {
                loop {
                    match catalog.grant(&message, &Default::default()).await {
                        Err(error) if error.is_conflict() => continue,
                        other => break other.unwrap().unwrap().answers,
                    }
                }
            })
        };
        let (one, two) = (ask(), ask());
        world.sql.execute(set, &[&true, &worker]).await.unwrap();
        let three = ask();
        let mut refused = false;
        for answers in [one.await.unwrap(), two.await.unwrap(), three.await.unwrap()] {
            refused |= answers.answers.iter().any(|answer| answer.verdict == ClaimVerdict::NotYours);
        }
        // Whoever was told `not-yours` has forgotten the claim: no copy, however late, may be granted after that.
        let held = world.look().await.into_iter().filter(|(id, found)| {
            ids.contains(id) && found.holder.is_some_and(|(holder, _)| holder == session)
        });
        assert!(!refused || held.count() == 0, "round {round}: refused, and held");
    }
}
