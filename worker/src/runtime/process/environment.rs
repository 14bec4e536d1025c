//! The environment of a process: what it sees is exactly what is listed here (DESIGN §8). Pure.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use scaleout_common::ids::{Attempt, ExecutionId, SessionId};

use crate::guard::SESSION_VARIABLE;

/// What our own variables tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) execution: ExecutionId,
    pub(super) attempt: Attempt,
    /// The task's path, with the iterations of the loops around it.
    pub(super) task: &'a str,
    pub(super) work_folder: &'a Path,
    pub(super) result_file: &'a Path,
    pub(super) session: SessionId,
}

/// The variables, sorted by name. The package's own go before what is inherited from the worker; ours go before
/// both, because the guard finds its processes by them.
pub(super) fn environment(
    inherited: &[(OsString, OsString)],
    own: Vec<(String, String)>,
    facts: Facts<'_>,
) -> Vec<(OsString, OsString)> {
    let mut variables: BTreeMap<OsString, OsString> = inherited.iter().cloned().collect();
    variables.extend(own.into_iter().map(|(name, value)| (name.into(), value.into())));
    let mut ours = |name: &str, value: &OsStr| variables.insert(name.into(), value.to_owned());
    ours("SCALEOUT_EXECUTION_ID", facts.execution.to_string().as_ref());
    ours("SCALEOUT_ATTEMPT", facts.attempt.to_string().as_ref());
    ours("SCALEOUT_TASK", facts.task.as_ref());
    ours("SCALEOUT_WORK_DIR", facts.work_folder.as_os_str());
    ours("SCALEOUT_RESULT", facts.result_file.as_os_str());
    ours(SESSION_VARIABLE, facts.session.to_string().as_ref());
    variables.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_go_before_the_packages_and_those_before_the_workers() {
        let execution: ExecutionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let worker = "6f2f9bd9-3f1b-4c43-8b0e-1a6a0f3f7a11".parse().unwrap();
        let inherited = [("PATH".into(), "/bin".into()), ("TZ".into(), "UTC".into())];
        let own = [("TZ", "Europe/Berlin"), ("REGION", "north"), ("SCALEOUT_ATTEMPT", "9")];
        let facts = Facts {
            execution,
            attempt: 2,
            task: r"\Package\each\check",
            work_folder: Path::new("/w/e-2"),
            result_file: Path::new("/w/e-2/r"),
            session: SessionId { worker, counter: 7 },
        };
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let found: Vec<String> = environment(&inherited, own, facts)
            .into_iter()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
            .collect();
        assert_eq!(
            found,
            [
                "PATH=/bin",
                "REGION=north",
                "SCALEOUT_ATTEMPT=2",
                "SCALEOUT_EXECUTION_ID=01890a5d-ac96-774b-bcce-b302099a8057",
                "SCALEOUT_RESULT=/w/e-2/r",
                "SCALEOUT_SESSION=6f2f9bd9-3f1b-4c43-8b0e-1a6a0f3f7a11#7",
                "SCALEOUT_TASK=\\Package\\each\\check",
                "SCALEOUT_WORK_DIR=/w/e-2",
                "TZ=Europe/Berlin",
            ]
        );
    }
}
