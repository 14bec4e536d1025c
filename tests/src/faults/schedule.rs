//! Which fault comes when, for how long: follows from the seed alone. Pure.

use std::time::Duration;

use super::fault::{Ahead, Fault, Harm, Link, Planned, Queue, Server, Who};
use super::shape::Shape;
use crate::harness::Random;

pub const MASTERS: usize = 2;
pub const WORKERS: usize = 3;
/// The processes whose clock can be made to jump; starting one so is decided before the run.
pub const CLOCK_MASTER: usize = 1;
pub const CLOCK_WORKER: usize = 2;

/// Everything is up and has work before the first fault.
const QUIET_START: Duration = Duration::from_secs(4);
const HARMS: [Harm; 8] = [
    Harm::Cut,
    Harm::Refuse,
    Harm::Stall,
    Harm::StallToServer,
    Harm::StallToClient,
    Harm::Delay,
    Harm::HalfCloseToServer,
    Harm::HalfCloseToClient,
];

/// Decks that are drawn at most until one has a fault that was asked for.
const DECKS_MAX: u32 = 1_000;

/// Faults from the seed for `window`, in the order of their times. `skipped` are those that this machine, or the
/// protocol as it is, cannot have: they take their turn and their time in the draw, so that the rest stays the same.
/// `only`, if it is not empty, leaves those whose names have these words, one close upon the other.
pub fn schedule(seed: u64, window: Duration, shape: Shape, skipped: &[Fault], only: &str) -> Vec<Planned> {
    let mut random = Random::of(seed, "schedule");
    let mut planned = Vec::new();
    let mut deck = Vec::new();
    let mut at = QUIET_START;
    loop {
        let mut drawn = 0;
        while deck.is_empty() && drawn < DECKS_MAX {
            deck = fresh_deck(&mut random);
            deck.retain(|fault| fault.to_string().contains(only));
            drawn += 1;
        }
        let Some(fault) = deck.pop() else { return planned };
        let lasts = duration(fault, shape, &mut random);
        let (overlaps, gap) = (random.chance(25), pause(shape, &mut random));
        if at + lasts > window {
            return planned;
        }
        if !skipped.contains(&fault) {
            planned.push(Planned { at, lasts, fault });
        }
        at += gap + if overlaps { lasts / 3 } else { lasts };
    }
}

/// Every kind once, each on a target by lot, in an order by lot.
fn fresh_deck(random: &mut Random) -> Vec<Fault> {
    let mut deck = vec![
        Fault::KillBehindFrozenGuard(worker(random)),
        Fault::Kill(Who::Guard(worker(random))),
        Fault::Freeze(Who::Guard(worker(random))),
        Fault::BrokerKill,
        Fault::BrokerRestart,
        Fault::BrokerWipe,
        Fault::MemoryAlarm,
        Fault::DiskAlarm,
        Fault::CloseConnections,
        Fault::CatalogRestart,
        Fault::CatalogBackends,
        Fault::FullDisk(Server::RabbitMq),
        Fault::FullDisk(Server::Postgres),
    ];
    for _ in 0..2 {
        deck.push(Fault::Kill(Who::Worker(worker(random))));
        deck.push(Fault::Kill(Who::Master(master(random))));
        deck.push(Fault::Freeze(Who::Worker(worker(random))));
        deck.push(Fault::Freeze(Who::Master(master(random))));
    }
    for queue in [Queue::Tasks, Queue::Claims, Queue::Outcomes] {
        deck.push(Fault::QueuePurge(queue));
        deck.push(Fault::QueueDelete(queue));
    }
    for link in [
        Link::MasterBroker(master(random)),
        Link::MasterCatalog(master(random)),
        Link::WorkerBroker(worker(random)),
        Link::WorkerMasters(worker(random)),
    ] {
        let mut harms = HARMS;
        random.shuffle(&mut harms);
        deck.extend(harms[..3].iter().map(|harm| Fault::Link(link, *harm)));
    }
    let who = *random.pick(&[Who::Master(CLOCK_MASTER), Who::Worker(CLOCK_WORKER)]);
    deck.push(Fault::ClockJump(who, *random.pick(&[Ahead::TwoHours, Ahead::MinusTwoHours])));
    random.shuffle(&mut deck);
    deck
}

fn master(random: &mut Random) -> usize {
    random.within(0..MASTERS as u64) as usize
}

fn worker(random: &mut Random) -> usize {
    random.within(0..WORKERS as u64) as usize
}

fn duration(fault: Fault, shape: Shape, random: &mut Random) -> Duration {
    let mut ms = |shortest: u64, longest: u64| {
        random.between(Duration::from_millis(shortest), Duration::from_millis(longest))
    };
    match (fault, shape) {
        (Fault::Freeze(_), Shape::Full) => Duration::from_secs(40),
        (Fault::Freeze(_), Shape::Slice) => ms(3_000, 12_000),
        // Back at once, back soon, and gone for longer than a lease.
        (Fault::Kill(_), Shape::Full) => match ms(0, 3).as_nanos() {
            0..1_000_000 => ms(100, 2_000),
            1_000_000..2_000_000 => ms(2_000, 8_000),
            _ => ms(35_000, 40_000),
        },
        (Fault::Kill(_), Shape::Slice) => ms(100, 3_000),
        (Fault::KillBehindFrozenGuard(_), Shape::Full) => ms(2_000, 15_000),
        (Fault::KillBehindFrozenGuard(_), Shape::Slice) => ms(1_000, 4_000),
        (Fault::Link(_, Harm::Cut), _)
        | (Fault::CatalogBackends | Fault::CloseConnections, _)
        | (Fault::QueuePurge(_) | Fault::QueueDelete(_), _) => Duration::ZERO,
        (Fault::Link(..), Shape::Full) => ms(2_000, 25_000),
        (Fault::Link(..), Shape::Slice) => ms(1_000, 6_000),
        // Less would go by before there is much to write.
        (Fault::FullDisk(_), Shape::Slice) => ms(4_000, 7_000),
        (Fault::ClockJump(..), Shape::Full) => ms(10_000, 20_000),
        (Fault::MemoryAlarm | Fault::DiskAlarm | Fault::FullDisk(_), Shape::Full) => ms(5_000, 20_000),
        // How long a server stays down before it is started.
        (
            Fault::BrokerKill | Fault::BrokerRestart | Fault::BrokerWipe | Fault::CatalogRestart,
            Shape::Full,
        ) => ms(0, 6_000),
        (_, Shape::Slice) => ms(500, 4_000),
    }
}

fn pause(shape: Shape, random: &mut Random) -> Duration {
    let longest = if shape == Shape::Full { 6 } else { 2 };
    random.between(Duration::from_millis(300), Duration::from_secs(longest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const FULL: Duration = Duration::from_secs(600);
    const SLICE: Duration = Duration::from_secs(50);

    #[test]
    fn a_seed_says_everything() {
        assert_eq!(schedule(7, FULL, Shape::Full, &[], ""), schedule(7, FULL, Shape::Full, &[], ""));
        assert_ne!(schedule(7, FULL, Shape::Full, &[], ""), schedule(8, FULL, Shape::Full, &[], ""));
    }

    #[test]
    fn faults_come_in_order_and_end_within_the_window() {
        for (window, shape, few) in [(FULL, Shape::Full, 30), (SLICE, Shape::Slice, 6)] {
            for seed in 0..100 {
                let planned = schedule(seed, window, shape, &[], "");
                assert!(planned.len() >= few, "seed {seed} has {} faults", planned.len());
                assert!(planned.is_sorted_by_key(|one| one.at));
                assert!(planned.iter().all(|one| one.at >= QUIET_START && one.ends() <= window));
            }
        }
    }

    #[test]
    fn seeds_together_leave_no_fault_out() {
        let of_seed = |seed| schedule(seed, FULL, Shape::Full, &[], "").into_iter().map(|one| one.fault);
        let seen: BTreeSet<Fault> = (0..100).flat_map(of_seed).collect();
        for harm in HARMS {
            for index in 0..MASTERS {
                assert!(seen.contains(&Fault::Link(Link::MasterBroker(index), harm)));
                assert!(seen.contains(&Fault::Link(Link::MasterCatalog(index), harm)));
            }
            for index in 0..WORKERS {
                assert!(seen.contains(&Fault::Link(Link::WorkerBroker(index), harm)));
                assert!(seen.contains(&Fault::Link(Link::WorkerMasters(index), harm)));
            }
        }
        let whole: BTreeSet<Fault> = (0..20).flat_map(|seed| fresh_deck(&mut Random::new(seed))).collect();
        assert!(whole.is_subset(&seen), "{:?}", whole.difference(&seen).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_skipped_changes_nothing_else() {
        let all = schedule(7, FULL, Shape::Full, &[], "");
        let skipped = all[2].fault;
        let fewer = schedule(7, FULL, Shape::Full, &[skipped], "");
        assert_eq!(fewer, all.into_iter().filter(|one| one.fault != skipped).collect::<Vec<_>>());
    }

    #[test]
    fn some_faults_can_be_asked_for() {
        let planned = schedule(7, FULL, Shape::Full, &[], "kill -9 worker-1");
        assert!(
            planned.len() > 5
                && planned.iter().all(|one| one.fault.to_string().starts_with("kill -9 worker-1"))
        );
        assert!(schedule(7, FULL, Shape::Full, &[], "no such fault").is_empty());
    }
}
