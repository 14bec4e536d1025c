//! The model as the checker sees it: where it begins, what may happen, what must hold.

use scaleout_common::status::Status;
use stateright::{Model, Property};

use crate::actions::Action;
use crate::guards::Guards;
use crate::properties;
use crate::scope::{Begin, Scope};
use crate::state::{
    ATTEMPTS_SEEN, Broker, Catalog, Dispatch, Execution, Master, MasterRow, Phase, Seen, Session, SessionRow,
    Stage, State, Task, Worker,
};

/// The protocol in a scope, with all its guards or a twin without one.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    pub scope: Scope,
    pub guards: Guards,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    /// Everything has just been accepted, and its dispatch rows are committed; workers have just been welcomed.
    fn init_states(&self) -> Vec<State> {
        let Scope { executions, workers, masters, .. } = self.scope;
        let times = |count: u8| usize::from(count);
        let task = |execution| Task { execution, attempt: 1 };
        let catalog = Catalog {
            executions: vec![accepted(); times(executions)],
            sessions: (0..workers).map(session_row).collect(),
            workers: vec![(1, true); times(workers)],
            dispatches: (0..executions)
                .map(|index| Dispatch { task: task(index), master: 0, stage: Stage::Waiting })
                .collect(),
            masters: vec![MasterRow::default(); times(masters)],
            epoch: 1,
        };
        let open = !self.scope.clock;
        let state = State {
            catalog,
            broker: Broker { messages: Vec::new(), sentinels: vec![1], minted: 1 },
            workers: vec![serving(); times(workers)],
            masters: vec![Master { alive: true, open, fresh: true, repair: None }; times(masters)],
            leader: None,
            faults: self.scope.faults,
            seen: unseen(times(executions)),
        };
        vec![begun(self.scope.begin, state)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        crate::options::possible(self, state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        crate::actions::perform(self, &mut state, action);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }
}

fn begun(begin: Begin, mut state: State) -> State {
    let (session, task) = (Session { worker: 0, counter: 1 }, Task { execution: 0, attempt: 1 });
    if begin != Begin::Pending {
        let row = &mut state.catalog.executions[0];
        row.status = Status::Running;
        (row.holder, row.grant) = (Some((session, 1)), Some((session, 1)));
        state.catalog.dispatches.retain(|dispatch| dispatch.task != task);
        state.workers[0].last_number = 1;
        state.workers[0].waiting.push(task);
    }
    if begin == Begin::Running {
        state.start(0, task);
    }
    state
}

fn session_row(worker: u8) -> SessionRow {
    let session = Session { worker, counter: 1 };
    SessionRow { session, ended: false, lease_age: 0, refused_through: 0 }
}

fn accepted() -> Execution {
    Execution {
        status: Status::Pending,
        attempt: 1,
        holder: None,
        failures: 0,
        losses: 0,
        stop_reason: 0,
        due: false,
        grant: None,
    }
}

fn serving() -> Worker {
    Worker {
        counter: 1,
        phase: Phase::Serving,
        claims: Vec::new(),
        last_number: 0,
        waiting: Vec::new(),
        processes: Vec::new(),
        outcomes: Vec::new(),
        carried: Vec::new(),
        stops: Vec::new(),
        heard: Vec::new(),
        draining: false,
        guard_gone: false,
        silence: 0,
        beats: 0,
        answers: 0,
    }
}

fn unseen(executions: usize) -> Seen {
    Seen {
        starts: vec![[0; ATTEMPTS_SEEN]; executions],
        ended: vec![None; executions],
        canceled: vec![false; executions],
        cancel_read: vec![None; executions],
        granted_after_cancel: false,
        started_after_stop: false,
        stale_report: false,
        unknown_move: false,
    }
}
