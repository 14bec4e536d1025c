//! The variables of a package that runs: a frame for each package, container or task that declares any, within the
//! frame of what is around it. Owns their values and holds them to their types. Pure.
//!
//! A name means the innermost variable of that name, for reading and for writing, as in SSIS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::budget::Kept;
use crate::value::{DataType, VALUE_BYTES_MAX, Value};

/// The values of one frame at one moment. Cheap to clone; what is written later does not show in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame(Arc<BTreeMap<String, Kept>>);

/// What the variables of a frame begin with, by name; see [`Scope::begin`](crate::scope::Scope::begin).
pub type Beginning = BTreeMap<String, (DataType, Kept)>;

/// A frame of [`Frames`]; never used for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(u64);

/// The frames that are open.
#[derive(Debug, Default)]
pub struct Frames {
    open: BTreeMap<FrameId, Open>,
    last: u64,
}

/// A watched variable was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The frame that has it.
    pub frame: FrameId,
    /// Its name.
    pub name: String,
    /// What it was set to.
    pub value: Kept,
}

#[derive(Debug)]
struct Open {
    around: Option<FrameId>,
    types: BTreeMap<String, DataType>,
    values: Frame,
    watched: BTreeSet<String>,
}

/// Why a variable is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// No variable of that name is seen from there.
    #[error("there is no variable {0} here")]
    Unknown(String),
    /// The value is of another type.
    #[error("variable {name} is {}, and cannot hold {}", .expected.with_article(), .found.with_article())]
    Type {
        /// The variable.
        name: String,
        /// Its type.
        expected: DataType,
        /// The value's type.
        found: DataType,
    },
    /// The value is beyond what the type holds.
    #[error("variable {name} is {}, and cannot hold this value: it holds {}", .expected.with_article(), .expected.expected())]
    Beyond {
        /// The variable.
        name: String,
        /// Its type.
        expected: DataType,
    },
    /// The text is too long.
    #[error("variable {0} can hold at most {VALUE_BYTES_MAX} bytes of text")]
    TooLong(String),
}

impl WriteError {
    fn refused(name: &str, expected: DataType, value: &Value) -> WriteError {
        let name = name.to_owned();
        match value.data_type().filter(|found| !found.is_like(expected)) {
            Some(found) => WriteError::Type { name, expected, found },
            None => WriteError::Beyond { name, expected },
        }
    }
}

impl Frame {
    /// The value of the variable `name`, if this frame has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|value| &**value)
    }
}

impl<const N: usize> From<[(String, Value); N]> for Frame {
    fn from(values: [(String, Value); N]) -> Frame {
        Frame(Arc::new(values.into_iter().map(|(name, value)| (name, Kept::uncounted(value))).collect()))
    }
}

impl Frames {
    /// Opens a frame within `around` (`None`: the package's own).
    pub fn open(&mut self, around: Option<FrameId>, beginning: Beginning) -> FrameId {
        self.last += 1;
        let id = FrameId(self.last);
        let types = beginning.iter().map(|(name, (data_type, _))| (name.clone(), *data_type)).collect();
        let values = beginning.into_iter().map(|(name, (_, value))| (name, value)).collect();
        self.open
            .insert(id, Open { around, types, values: Frame(Arc::new(values)), watched: BTreeSet::new() });
        id
    }

    /// From now on [`write`](Self::write) tells of writes of these variables of a frame.
    pub fn watch(&mut self, id: FrameId, names: BTreeSet<String>) {
        if let Some(open) = self.open.get_mut(&id) {
            open.watched = names;
        }
    }

    /// Forgets a frame. Those inside it must have been closed before: they would see nothing around them.
    pub fn close(&mut self, id: FrameId) {
        self.open.remove(&id);
    }

    /// How many frames are open.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// The frames that are seen from `id`, outermost first, as they are now.
    pub fn seen_from(&self, id: FrameId) -> Vec<Frame> {
        let mut seen: Vec<Frame> = self.outward(id).map(|id| self.open[&id].values.clone()).collect();
        seen.reverse();
        seen
    }

    /// Writes the innermost variable `name` that is seen from `id`. NULL is of every type. Returns what changed if
    /// the variable is watched.
    ///
    /// # Errors
    /// There is none, or it cannot hold `value`. Nothing is changed then.
    pub fn write(&mut self, id: FrameId, name: &str, value: Kept) -> Result<Option<Change>, WriteError> {
        let found = self.outward(id).find(|id| self.open[id].types.contains_key(name));
        let declared_in = found.unwrap_or(id);
        let frame = found.and_then(|id| self.open.get_mut(&id));
        let frame = frame.ok_or_else(|| WriteError::Unknown(name.to_owned()))?;
        let expected = frame.types[name];
        if !expected.holds(&value) {
            return Err(WriteError::refused(name, expected, &value));
        }
        let changed = if expected.changes(&value) { expected.fitted(&value) } else { None };
        let value = match changed {
            Some(changed) => value.instead(changed),
            None => value,
        };
        if matches!(&*value, Value::String(text) if text.len() > VALUE_BYTES_MAX) {
            return Err(WriteError::TooLong(name.to_owned()));
        }
        let change = || Change { frame: declared_in, name: name.to_owned(), value: value.clone() };
        let change = frame.watched.contains(name).then(change);
        Arc::make_mut(&mut frame.values.0).insert(name.to_owned(), value);
        Ok(change)
    }

    /// `id` and the frames around it, innermost first.
    fn outward(&self, id: FrameId) -> impl Iterator<Item = FrameId> {
        std::iter::successors(Some(id), |id| self.open.get(id)?.around)
            .filter(|id| self.open.contains_key(id))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn declared(variables: &[(&str, DataType, Value)]) -> Beginning {
        let variable = |(name, data_type, value): &(&str, DataType, Value)| {
            ((*name).to_owned(), (*data_type, Kept::uncounted(value.clone())))
        };
        variables.iter().map(variable).collect()
    }

    fn write(
        frames: &mut Frames,
        from: FrameId,
        name: &str,
        value: Value,
    ) -> Result<Option<Change>, WriteError> {
        frames.write(from, name, Kept::uncounted(value))
    }

    fn read(frames: &Frames, from: FrameId, name: &str) -> Option<Value> {
        frames.seen_from(from).iter().rev().find_map(|frame| frame.get(name)).cloned()
    }

    #[test]
    fn the_innermost_variable_is_read_and_written() {
        let mut frames = Frames::default();
        let int = |name, value| (name, DataType::Int64, Value::Int64(value));
        let package = frames.open(None, declared(&[int("a", 1), int("b", 2)]));
        let inner = frames.open(Some(package), declared(&[("a", DataType::String, Value::Null)]));
        assert_eq!(read(&frames, inner, "a"), Some(Value::Null), "it hides the outer one, also with NULL");
        write(&mut frames, inner, "a", Value::String("x".into())).unwrap();
        write(&mut frames, inner, "b", Value::Int64(7)).unwrap();
        assert_eq!(read(&frames, package, "a"), Some(Value::Int64(1)));
        assert_eq!(read(&frames, package, "b"), Some(Value::Int64(7)));
        frames.close(inner);
        assert_eq!(write(&mut frames, inner, "a", Value::Null), Err(WriteError::Unknown("a".into())));
        assert_eq!(frames.count(), 1);
    }

    #[test]
    fn what_is_seen_does_not_change_afterwards() {
        let mut frames = Frames::default();
        let id = frames.open(None, declared(&[("a", DataType::Int64, Value::Int64(1))]));
        let seen = frames.seen_from(id);
        write(&mut frames, id, "a", Value::Int64(2)).unwrap();
        assert_eq!(seen[0].get("a"), Some(&Value::Int64(1)));
    }

    #[test]
    fn writes_of_watched_variables_are_told() {
        let mut frames = Frames::default();
        let int = |name, value| (name, DataType::Int64, Value::Int64(value));
        let package = frames.open(None, declared(&[int("a", 1), int("b", 1)]));
        let inner = frames.open(Some(package), declared(&[int("b", 1)]));
        frames.watch(package, ["a".to_owned(), "b".to_owned()].into());
        let change = |name: &str, value| {
            Some(Change { frame: package, name: name.into(), value: Kept::uncounted(value) })
        };
        assert_eq!(
            write(&mut frames, inner, "b", Value::Int64(5)),
            Ok(None),
            "it hides the one that is watched"
        );
        assert_eq!(write(&mut frames, inner, "a", Value::Int64(2)), Ok(change("a", Value::Int64(2))));
        write(&mut frames, inner, "a", Value::String("no number".into())).unwrap_err();
        assert_eq!(write(&mut frames, package, "b", Value::Null), Ok(change("b", Value::Null)));
    }

    #[test]
    fn frames_side_by_side_do_not_see_each_other() {
        let mut frames = Frames::default();
        let package = frames.open(None, declared(&[]));
        let own = declared(&[("a", DataType::Int64, Value::Int64(0))]);
        let (left, right) = (frames.open(Some(package), own.clone()), frames.open(Some(package), own));
        write(&mut frames, left, "a", Value::Int64(1)).unwrap();
        assert_eq!(read(&frames, right, "a"), Some(Value::Int64(0)));
    }

    #[test]
    fn types_and_sizes_are_held() {
        let mut frames = Frames::default();
        let text = ("text", DataType::String, Value::Null);
        let id = frames.open(None, declared(&[("n", DataType::Int64, Value::Int64(1)), text]));
        let refused = write(&mut frames, id, "n", Value::String("2".into())).unwrap_err();
        assert_eq!(refused.to_string(), "variable n is an int64, and cannot hold a string");
        let long = Value::String("x".repeat(VALUE_BYTES_MAX + 1));
        assert_eq!(write(&mut frames, id, "text", long), Err(WriteError::TooLong("text".into())));
        assert_eq!(
            write(&mut frames, id, "m", Value::Null).unwrap_err().to_string(),
            "there is no variable m here"
        );
        write(&mut frames, id, "n", Value::Null).unwrap();
        assert_eq!(read(&frames, id, "n"), Some(Value::Null));
    }

    proptest! {
        /// Against a list of scopes in which the last one of a name counts.
        #[test]
        fn names_mean_what_a_plain_search_finds(
            scopes in proptest::collection::vec(proptest::collection::btree_set("[a-d]", 0..4), 1..6),
            writes in proptest::collection::vec((any::<prop::sample::Index>(), "[a-e]", any::<i64>()), 0..12),
        ) {
            let mut frames = Frames::default();
            let mut ids: Vec<FrameId> = Vec::new();
            let mut plain: Vec<BTreeMap<String, i64>> = Vec::new();
            for names in &scopes {
                let entries: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Int64, Value::Int64(0))).collect();
                ids.push(frames.open(ids.last().copied(), declared(&entries)));
                plain.push(names.iter().map(|name| (name.clone(), 0)).collect());
            }
            for (from, name, value) in writes {
                let from = from.index(ids.len());
                let target = plain[..=from].iter_mut().rev().find_map(|scope| scope.get_mut(&name));
                let found = target.map(|target| *target = value);
                prop_assert_eq!(write(&mut frames, ids[from], &name, Value::Int64(value)).ok().map(drop), found);
            }
            for (at, id) in ids.iter().enumerate() {
                for name in ["a", "b", "c", "d", "e"] {
                    let expected = plain[..=at].iter().rev().find_map(|scope| scope.get(name));
                    prop_assert_eq!(read(&frames, *id, name), expected.map(|value| Value::Int64(*value)));
                }
            }
        }
    }
}
