//! Start deadlines: what has not started by then fails once, in bounded steps, whoever else reaches for it.

use std::collections::HashSet;

use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use scaleout_common::wire::ClaimVerdict;
use uuid::Uuid;

use super::rows::Execution;
use super::world::{World, claims};
use crate::catalog::protocol::START_DEADLINES_AT_ONCE;

/// Puts them into the catalog with the rows that accepting makes.
async fn accepted(world: &World, rows: &[Execution]) -> Vec<ExecutionId> {
    world.insert(rows).await;
    let note = "insert into internal.start_deadlines (deadline, execution_id)
                select start_deadline, id from internal.executions where start_deadline is not null
                on conflict do nothing";
    world.sql.execute(note, &[]).await.unwrap();
    rows.iter().map(|row| row.id).collect()
}

fn by(status: Status, deadline_s: i64) -> Execution {
    Execution { deadline_s: Some(deadline_s), ..Execution::new(status) }
}

/// All turns of the leader: how many executions failed.
async fn fail_all(world: &World) -> i64 {
    let mut all = 0;
    loop {
        let (served, failed) = world.catalog.fail_unstarted().await.unwrap();
        all += failed;
        if served < START_DEADLINES_AT_ONCE {
            return all;
        }
    }
}

#[tokio::test]
async fn what_has_not_started_by_its_deadline_fails_and_says_so() {
    let world = World::new().await;
    let session = world.session().await;
    let again = Execution { attempt: 2, ..by(Status::Pending, -60) };
    let running = Execution { holder: Some((session, 1)), ..by(Status::Running, -60) };
    let rows =
        [by(Status::Created, -60), by(Status::Pending, -60), by(Status::Pending, 3_600), again, running];
    let ids = accepted(&world, &rows).await;
    assert_eq!(fail_all(&world).await, 2);
    let found = world.look().await;
    for id in &ids[..2] {
        let Some(error) = &found[id].error else { panic!("{:?}", found[id]) };
        assert!(error.starts_with("start deadline passed: it had not started by 20"), "{error}");
        assert!(error.ends_with('Z') && found[id].ended, "{:?}", found[id]);
        assert_eq!((found[id].status, found[id].attempt, found[id].failures), (Status::Failed, 1, 0));
    }
    let others = [Status::Pending, Status::Pending, Status::Running];
    assert_eq!(ids[2..].iter().map(|id| found[id].status).collect::<Vec<_>>(), others);
    // Only the deadline that is ahead still has a row, and nothing is left to do.
    assert_eq!(world.number("select count(*) from internal.start_deadlines").await, 1);
    assert_eq!(fail_all(&world).await, 0);
}

#[tokio::test]
async fn no_claim_is_granted_after_the_deadline_of_a_first_start() {
    let world = World::new().await;
    let session = world.session().await;
    let ids = accepted(&world, &[by(Status::Pending, -1), by(Status::Pending, 3_600)]).await;
    let answers = world.grant(&claims(session, 1, &ids)).await.answers.answers;
    let verdicts: Vec<_> = answers.iter().map(|answer| answer.verdict).collect();
    assert_eq!(verdicts, [ClaimVerdict::Stale, ClaimVerdict::Granted]);
    assert_eq!(fail_all(&world).await, 1);
    let answers = world.grant(&claims(session, 3, &ids[..1])).await.answers.answers;
    assert_eq!(answers[0].verdict, ClaimVerdict::Ended);
}

#[tokio::test]
async fn many_deadlines_are_served_in_bounded_steps_and_counted() {
    let world = World::new().await;
    let rows: Vec<_> = (0..2_500).map(|_| by(Status::Pending, -1)).collect();
    accepted(&world, &rows).await;
    for expected in [1_000, 1_000, 500, 0] {
        assert_eq!(world.catalog.fail_unstarted().await.unwrap(), (expected, expected));
    }
    let counted = "select sum(n)::bigint from internal.counts where status = ";
    assert_eq!(world.number(&format!("{counted} 4")).await, 2_500);
    assert_eq!(world.number(&format!("{counted} 5")).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deadline_and_claims_at_once_leave_each_execution_to_one_of_them() {
    let world = World::new().await;
    let session = world.session().await;
    // Due to fail while claims come: the statement's clock decides for each.
    let rows: Vec<_> = (0..2_000).map(|n| by(Status::Pending, i64::from(n % 2))).collect();
    let ids = accepted(&world, &rows).await;
    let leader = {
        let catalog = world.catalog.clone();
        tokio::spawn(async move {
            let mut served = 0;
            while served < 2_000 {
                match catalog.fail_unstarted().await {
                    Ok((more, _)) => served += more,
                    Err(error) if error.is_conflict() => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    };
    let mut granted = HashSet::new();
    for (n, part) in ids.chunks(100).enumerate() {
        let answers = loop {
            match world.catalog.grant(&claims(session, n as u64 * 100 + 1, part), &Default::default()).await {
                Ok(answered) => break answered.unwrap().answers.answers,
                Err(error) if error.is_conflict() => {}
                Err(error) => panic!("{error}"),
            }
        };
        let wins = answers.iter().filter(|answer| answer.verdict == ClaimVerdict::Granted);
        granted.extend(wins.map(|answer| answer.execution));
    }
    leader.await.unwrap();
    for (id, found) in world.look().await {
        let expected = if granted.contains(&id) { Status::Running } else { Status::Failed };
        assert_eq!(found.status, expected, "{found:?}");
    }
}

#[tokio::test]
async fn passed_deadlines_are_found_by_their_index_and_executions_by_their_key() {
    let world = World::new().await;
    let rows: Vec<_> = (0..2_000).map(|_| by(Status::Pending, 3_600)).collect();
    accepted(&world, &rows).await;
    let client = world.catalog.by_id().await.unwrap();
    let statement = super::super::sql::FAIL_UNSTARTED;
    let lines = client.query(&format!("explain {statement}"), &[&1_000_i64]).await.unwrap();
    let plan: Vec<String> = lines.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(!plan.contains("Seq Scan on"), "{plan}");
    assert!(plan.contains("start_deadlines_pkey") && plan.contains("executions_"), "{plan}");
    assert_eq!(fail_all(&world).await, 0);
    let strangers = "insert into internal.start_deadlines values (clock_timestamp(), $1)";
    world.sql.execute(strangers, &[&Uuid::now_v7()]).await.unwrap();
    assert_eq!(world.catalog.fail_unstarted().await.unwrap(), (1, 0), "an execution that has gone");
}
