//! What keeps executions that are for chosen workers.

use super::*;

#[test]
fn chosen_workers_are_named_with_what_keeps_each() {
    use WorkerState::{Disabled, Draining, Offline, Online};
    let of = |states: &[(&str, WorkerState)]| {
        let all = states.iter().map(|(name, state)| worker(name, *state, 2, 0)).collect();
        with(workers(all), |facts| facts.pool = PoolName::ad_hoc([1; 16]))
    };
    let kind = "chosen-unavailable";
    check(&of(&[]), kind, &["no longer known", "nothing: no other worker may run it", "cancel it"]);
    let one = "only the worker w1 may run it: w1 is offline for 3 s | it takes it when w1 is back";
    check(&of(&[("w1", Offline)]), kind, &[one, "start one"]);
    check(&of(&[("w1", Disabled)]), kind, &["once w1 is enabled", "`scaleout worker enable w1`"]);
    let none = "none takes work: w1 is offline for 3 s, w2 is disabled and w3 is draining";
    check(&of(&[("w1", Offline), ("w2", Disabled), ("w3", Draining)]), kind, &[none, "the first of them"]);
    let free =
        check(&of(&[("w1", Offline), ("w2", Online)]), "in-queue", &["of the chosen workers w1 and w2"]);
    assert!(matches!(free, Reason::InQueue { chosen, .. } if chosen == ["w1", "w2"]));
    let alone = with(of(&[("w1", Online)]), |facts| {
        facts.losses = 2;
        let Standing::Pending(pending) = &mut facts.standing else { unreachable!() };
        pending.workers[0].running = 1;
    });
    check(&alone, "waits-to-run-alone", &["none of the chosen workers w1 that take work is idle"]);
}
