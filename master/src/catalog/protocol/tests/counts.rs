//! The counts for display are those of the rows, whatever happens to the rows.

use std::collections::BTreeMap;

use scaleout_common::ids::{ExecutionId, SessionId};
use scaleout_common::status::Status;
use scaleout_common::wire::{Heartbeat, Outcome, OutcomeKind, Outcomes};

use super::dispatches::master;
use super::rows::Execution;
use super::world::{World, claims};
use crate::catalog::requests::Cancellation;

const SEEDS: u64 = 4;
const STEPS: u32 = 40;

/// A small generator, so that a failing seed can be run again (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % bound
    }

    /// Some of `ids`, each at most once.
    fn some(&mut self, ids: &[ExecutionId]) -> Vec<ExecutionId> {
        ids.iter().copied().filter(|_| self.below(3) == 0).collect()
    }
}

async fn counted(world: &World, query: &str) -> BTreeMap<(String, i16), i64> {
    let rows = world.sql.query(query, &[]).await.unwrap();
    rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect()
}

pub(super) async fn assert_counts(world: &World, context: &str) {
    let shown = "select pool, status, sum(n)::bigint from internal.counts group by 1, 2 having sum(n) <> 0";
    let real = "select pool, status, count(*) from internal.executions group by 1, 2";
    assert_eq!(counted(world, shown).await, counted(world, real).await, "{context}");
}

/// One step of one of those who change rows.
async fn step(world: &World, random: &mut Random, session: SessionId, ids: &[ExecutionId], claim: u64) {
    let catalog = &world.catalog;
    let some = random.some(ids);
    match random.below(6) {
        0 | 1 => {
            world.grant(&claims(session, claim, &some)).await;
        }
        2 | 3 => {
            let found = world.look().await;
            let outcome = |id: &ExecutionId| Outcome {
                execution: *id,
                attempt: found[id].attempt,
                kind: OutcomeKind::ALL[random.below(OutcomeKind::ALL.len())],
                error: None,
                result: None,
            };
            let outcomes = some.iter().map(outcome).collect();
            catalog.apply_outcomes(&[Outcomes { session, outcomes }]).await.unwrap();
        }
        4 => {
            catalog.make_due_pending(master()).await.unwrap();
        }
        _ => {
            let few = some.into_iter().take(3).collect();
            catalog.cancel(&Cancellation::Executions(few), &super::world::tester()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counts_are_those_of_the_rows() {
    for seed in 1..=SEEDS {
        let world = World::new().await;
        let mut random = Random::new(seed);
        let pools = ["default", "etl", "other"];
        let rows: Vec<_> = (0..120)
            .map(|n| {
                let pool = pools[n % pools.len()];
                let retries = random.below(3) as u32;
                Execution { pool, retries, ..Execution::new(Status::Pending) }
            })
            .collect();
        world.insert(&rows).await;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let (one, two) = (world.session().await, world.session().await);
        let mut other = Random::new(seed + 1_000);
        for n in 0..STEPS {
            // Two masters at once, on rows of their own: whoever meets on a row is another test's.
            let (mine, theirs) = ids.split_at(ids.len() / 2);
            let claim = u64::from(n) * 1_000 + 1;
            tokio::join!(
                step(&world, &mut random, one, mine, claim),
                step(&world, &mut other, two, theirs, claim)
            );
            assert_counts(&world, &format!("seed {seed}, step {n}")).await;
        }
        for session in [one, two] {
            let leaving = Heartbeat { session, number: 1, running: 0, leaving: true };
            world.catalog.heartbeat(&leaving, "inbox").await.unwrap();
        }
        assert_counts(&world, &format!("seed {seed}, after the sessions' end")).await;
        let reached = "select count(distinct status) from internal.executions";
        assert!(world.number(reached).await >= 3, "seed {seed} moved too little");
    }
}
