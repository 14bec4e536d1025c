//! How much memory the variables of an execution take, all together. A value counts for as long as anybody holds it: in
//! a frame, as a task saw it, or on its way. Pure.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::value::Value;

/// Most memory of the values of one execution's variables at one moment, in bytes: the lengths of their texts, and the
/// memory of their rows. Their names, and what a value of any type takes by itself, are bounded by their number.
pub const VARIABLES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The memory of one execution's variables. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub struct Budget(Arc<State>);

#[derive(Debug)]
struct State {
    used: AtomicUsize,
    bytes_max: usize,
}

/// Memory that is taken until this is dropped.
#[derive(Debug)]
pub struct Room {
    bytes: usize,
    state: Arc<State>,
}

/// A value of a variable. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Kept(Arc<Held>);

#[derive(Debug)]
struct Held {
    value: Value,
    /// What it takes, or the value that this one stands for, which takes about the same.
    _room: Option<Room>,
    _instead_of: Option<Kept>,
}

/// There is no room left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the variables of an execution hold at most {} MiB together", .bytes_max >> 20)]
pub struct Full {
    bytes_max: usize,
}

/// There is no room for what is to go into a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot set {variable}: {full}")]
pub struct NoRoom {
    variable: String,
    full: Full,
}

impl Default for Budget {
    /// Room for [`VARIABLES_BYTES_MAX`].
    fn default() -> Budget {
        Budget::new(VARIABLES_BYTES_MAX)
    }
}

impl Budget {
    /// Room for that many bytes.
    pub fn new(bytes_max: usize) -> Budget {
        Budget(Arc::new(State { used: AtomicUsize::new(0), bytes_max }))
    }

    /// Takes that much.
    ///
    /// # Errors
    /// There is not as much left; nothing is taken then.
    pub fn take(&self, bytes: usize) -> Result<Room, Full> {
        let bytes_max = self.0.bytes_max;
        let more = |used: usize| used.checked_add(bytes).filter(|used| *used <= bytes_max);
        match self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Room { bytes, state: Arc::clone(&self.0) }),
            Err(_) => Err(Full { bytes_max }),
        }
    }

    /// Counts a value for as long as it is held.
    ///
    /// # Errors
    /// There is no room for it. There always is for NULL, and for numbers, dates and truth values of the types with words.
    pub fn keep(&self, value: Value) -> Result<Kept, Full> {
        let room = match value.bytes() {
            0 => None,
            bytes => Some(self.take(bytes)?),
        };
        Ok(Kept(Arc::new(Held { value, _room: room, _instead_of: None })))
    }

    /// Counts a value that is to go into `variable`.
    ///
    /// # Errors
    /// As [`keep`](Self::keep).
    pub fn keep_for(&self, variable: &str, value: Value) -> Result<Kept, NoRoom> {
        self.keep(value).map_err(|full| NoRoom { variable: variable.to_owned(), full })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.state.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Kept {
    /// Counts nowhere: for what is small, and must be there whatever variables hold.
    pub fn uncounted(value: Value) -> Kept {
        Kept(Arc::new(Held { value, _room: None, _instead_of: None }))
    }

    /// The same value as something of another type has it, which is counted as this one is.
    #[must_use]
    pub(crate) fn instead(self, value: Value) -> Kept {
        Kept(Arc::new(Held { value, _room: None, _instead_of: Some(self) }))
    }
}

impl Deref for Kept {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0.value
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Kept) -> bool {
        **self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Value {
        Value::String("x".repeat(length))
    }

    #[test]
    fn what_is_held_counts_once_and_until_nobody_holds_it() {
        let budget = Budget::new(2 << 20);
        let first = budget.keep(text(1 << 20)).unwrap();
        let again = first.clone();
        let second = budget.clone().keep(text(1 << 20)).unwrap();
        let full = budget.keep(text(1)).unwrap_err();
        assert_eq!(full.to_string(), "the variables of an execution hold at most 2 MiB together");
        assert_eq!(
            *budget.keep(Value::Int64(1)).unwrap(),
            Value::Int64(1),
            "there is always room for a number"
        );
        drop(first);
        assert_eq!(budget.keep(text(1)), Err(full), "it is still held");
        drop(again);
        let room = budget.take(1 << 20).unwrap();
        assert_eq!(budget.keep(text(1)), Err(full));
        drop((room, second));
        assert_eq!(budget.0.used.load(Ordering::Relaxed), 0);
        assert!(budget.take(usize::MAX).is_err());
    }
}
