//! Something of the package that runs once: where it stands in this run, and which variables it sees.

use scaleout_package::flow::RunPath;
use scaleout_package::frames::FrameId;
use scaleout_package::model::{Resolved, Task};

use super::events::Around;
use super::sql::Within;

/// A container, or an iteration of one, whose tasks run.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// As in the log.
    pub(super) path: RunPath,
    /// The innermost frame that its tasks see.
    pub(super) frame: FrameId,
    /// Whose event handlers hear of it.
    pub(super) around: Around<'a>,
    /// The transaction that its tasks belong to, if they do not stay out.
    pub(super) within: Option<Within>,
    /// How many iterations of the loops around run at the same time, all in all.
    pub(super) at_once: u32,
}

/// One try of one task.
#[derive(Debug)]
pub(super) struct Activation<'a> {
    pub(super) task: &'a Task,
    /// Its properties in all its tries.
    pub(super) properties: Resolved,
    pub(super) place: Place<'a>,
}

impl Activation<'_> {
    /// Its path as in the log.
    pub(super) fn path(&self) -> &str {
        self.place.path.as_str()
    }
}
