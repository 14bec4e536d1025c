//! What is said of an execution that waits for a slot of a concurrency limit.

use uuid::Uuid;

use super::{check, facts, s, with};
use crate::ids::ExecutionId;
use crate::protocol::explain::{Ahead, Created, Facts, Limit, SlotHolder, Standing};
use crate::status::Status;

fn limited(change: impl FnOnce(&mut Limit)) -> Facts {
    let holder = |status, worker: Option<&str>| SlotHolder {
        execution: ExecutionId(Uuid::from_u128(7)),
        status,
        worker: worker.map(Into::into),
    };
    let mut limit = Limit {
        name: "f/p/load".parse().unwrap(),
        at_most: 4,
        held: 4,
        by: vec![holder(Status::Running, Some("w1")), holder(Status::Pending, None)],
        ahead: Ahead { pending: 12, or_more: false },
        since: s(-90),
        applying: false,
    };
    change(&mut limit);
    facts(Standing::Created(Created { due_at: None, is_retry: false, limit: Some(limit) }))
}

#[test]
fn a_limit_says_who_holds_it() {
    let seven = "00000000-0000-0000-0000-000000000007";
    let all = [
        "due since 2026-03-01 09:58:30Z (1 min 30 s)",
        &format!("the limit f/p/load of 4 is reached, by {seven} (running on w1), {seven} (pending), 2 more"),
        "12 wait before it",
        "the first of these that ends makes room; the leader m1:8391 releases the next in line",
        "`scaleout limit set f/p/load N` changes it",
    ];
    check(&limited(|_| ()), "limit-reached", &all);
    let first = limited(|limit| limit.ahead = Ahead { pending: 0, or_more: false });
    check(&first, "limit-reached", &["it is the next in line"]);
    let many = limited(|limit| limit.ahead = Ahead { pending: 10_000, or_more: true });
    check(&many, "limit-reached", &["more than 10000 wait before it"]);
    let unnamed = limited(|limit| limit.by.clear());
    check(&unnamed, "limit-reached", &["is reached, by 4 executions;"]);
    let none = limited(|limit| (limit.at_most, limit.held) = (0, 0));
    check(&none, "limit-reached", &["the limit f/p/load is 0: none starts", "a higher limit releases it"]);
    let room = limited(|limit| limit.held = 1);
    check(&room, "limit-reached", &["1 of 4 slots are taken", "within a second of its turn"]);
    let applying = limited(|limit| limit.applying = true);
    check(
        &applying,
        "limit-reached",
        &["has just been set or lowered to 4", "when what was in queues before"],
    );
    let key = limited(|limit| limit.name = "big 'un".parse().unwrap());
    check(&key, "limit-reached", &[r"`scaleout limit set 'big '\''un' N`"]);
    let nobody = with(limited(|_| ()), |facts| facts.masters.clear());
    check(&nobody, "limit-reached", &["no master leads now"]);
    let gone = with(limited(|_| ()), |facts| facts.package_known = false);
    check(&gone, "package-missing", &["no worker can load it"]);
}
