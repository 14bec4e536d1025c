//! The variables of a package that runs: a frame for each package, container or task that declares any, within the
//! frame of what is around it. Owns their values and holds them to their types. Pure.
//!
//! A name means the innermost variable of that name, for reading and for writing, as in SSIS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::value::{DataType, VALUE_BYTES_MAX, Value};

/// Most memory of all variables that there are at one moment, in bytes: the lengths of their texts, and the memory of
/// their rows.
pub const BYTES_MAX: usize = 256 * 1024 * 1024;

/// The values of one frame at one moment. Cheap to clone; what is written later does not show in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame(Arc<BTreeMap<String, Arc<Value>>>);

/// What the variables of a frame begin with, by name; see [`Scope::begin`](crate::scope::Scope::begin).
pub type Beginning = BTreeMap<String, (DataType, Value)>;

/// A frame of [`Frames`]; never used for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId(u64);

/// The frames that are open.
#[derive(Debug)]
pub struct Frames {
    open: BTreeMap<FrameId, Open>,
    last: u64,
    /// What the values of all of them take.
    bytes: usize,
    bytes_max: usize,
}

/// A watched variable was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The frame that has it.
    pub frame: FrameId,
    /// Its name.
    pub name: String,
    /// What it was set to.
    pub value: Value,
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
    /// The text is too long.
    #[error("variable {0} can hold at most {VALUE_BYTES_MAX} bytes of text")]
    TooLong(String),
    /// All variables together would hold too much.
    #[error(transparent)]
    Full(#[from] Full),
}

/// All variables of an execution together would hold too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the variables of an execution hold at most {} MiB together", .bytes_max >> 20)]
pub struct Full {
    bytes_max: usize,
}

impl Frame {
    /// The value of the variable `name`, if this frame has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|value| &**value)
    }

    fn new(values: impl IntoIterator<Item = (String, Value)>) -> Frame {
        Frame(Arc::new(values.into_iter().map(|(name, value)| (name, Arc::new(value))).collect()))
    }

    fn bytes(&self) -> usize {
        self.0.values().map(|value| value.bytes()).sum()
    }
}

impl<const N: usize> From<[(String, Value); N]> for Frame {
    fn from(values: [(String, Value); N]) -> Frame {
        Frame::new(values)
    }
}

impl Default for Frames {
    /// No frames, and room for [`BYTES_MAX`].
    fn default() -> Frames {
        Frames { open: BTreeMap::new(), last: 0, bytes: 0, bytes_max: BYTES_MAX }
    }
}

impl Frames {
    /// Opens a frame within `around` (`None`: the package's own).
    ///
    /// # Errors
    /// There is no room for what it begins with. There always is for NULL, numbers, dates and truth values.
    pub fn open(&mut self, around: Option<FrameId>, beginning: Beginning) -> Result<FrameId, Full> {
        let types = beginning.iter().map(|(name, (data_type, _))| (name.clone(), *data_type)).collect();
        let values = Frame::new(beginning.into_iter().map(|(name, (_, value))| (name, value)));
        self.bytes = self.with(values.bytes(), 0)?;
        self.last += 1;
        let id = FrameId(self.last);
        self.open.insert(id, Open { around, types, values, watched: BTreeSet::new() });
        Ok(id)
    }

    /// From now on [`write`](Self::write) tells of writes of these variables of a frame.
    pub fn watch(&mut self, id: FrameId, names: BTreeSet<String>) {
        if let Some(open) = self.open.get_mut(&id) {
            open.watched = names;
        }
    }

    /// Forgets a frame. Those inside it must have been closed before: they would see nothing around them.
    pub fn close(&mut self, id: FrameId) {
        if let Some(closed) = self.open.remove(&id) {
            self.bytes -= closed.values.bytes();
        }
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
    pub fn write(&mut self, id: FrameId, name: &str, value: Value) -> Result<Option<Change>, WriteError> {
        let found = self.outward(id).find(|id| self.open[id].types.contains_key(name));
        let declared_in = found.ok_or_else(|| WriteError::Unknown(name.to_owned()))?;
        let frame = &self.open[&declared_in];
        let expected = frame.types[name];
        if let Some(found) = value.data_type().filter(|found| *found != expected) {
            return Err(WriteError::Type { name: name.to_owned(), expected, found });
        }
        if matches!(&value, Value::String(text) if text.len() > VALUE_BYTES_MAX) {
            return Err(WriteError::TooLong(name.to_owned()));
        }
        let bytes = self.with(value.bytes(), frame.values.get(name).map_or(0, Value::bytes))?;
        let change = || Change { frame: declared_in, name: name.to_owned(), value: value.clone() };
        let change = frame.watched.contains(name).then(change);
        let frame = self.open.get_mut(&declared_in).expect("it was found");
        Arc::make_mut(&mut frame.values.0).insert(name.to_owned(), Arc::new(value));
        self.bytes = bytes;
        Ok(change)
    }

    /// What the values take with `more` and without `less`.
    fn with(&self, more: usize, less: usize) -> Result<usize, Full> {
        let bytes = self.bytes - less + more;
        // What does not grow always has room.
        if more > less && bytes > self.bytes_max {
            Err(Full { bytes_max: self.bytes_max })
        } else {
            Ok(bytes)
        }
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
            ((*name).to_owned(), (*data_type, value.clone()))
        };
        variables.iter().map(variable).collect()
    }

    fn read(frames: &Frames, from: FrameId, name: &str) -> Option<Value> {
        frames.seen_from(from).iter().rev().find_map(|frame| frame.get(name)).cloned()
    }

    #[test]
    fn the_innermost_variable_is_read_and_written() {
        let mut frames = Frames::default();
        let int = |name, value| (name, DataType::Int64, Value::Int64(value));
        let package = frames.open(None, declared(&[int("a", 1), int("b", 2)])).unwrap();
        let inner = frames.open(Some(package), declared(&[("a", DataType::String, Value::Null)])).unwrap();
        assert_eq!(read(&frames, inner, "a"), Some(Value::Null), "it hides the outer one, also with NULL");
        frames.write(inner, "a", Value::String("x".into())).unwrap();
        frames.write(inner, "b", Value::Int64(7)).unwrap();
        assert_eq!(read(&frames, package, "a"), Some(Value::Int64(1)));
        assert_eq!(read(&frames, package, "b"), Some(Value::Int64(7)));
        frames.close(inner);
        assert_eq!(frames.write(inner, "a", Value::Null), Err(WriteError::Unknown("a".into())));
        assert_eq!(frames.count(), 1);
    }

    #[test]
    fn what_is_seen_does_not_change_afterwards() {
        let mut frames = Frames::default();
        let id = frames.open(None, declared(&[("a", DataType::Int64, Value::Int64(1))])).unwrap();
        let seen = frames.seen_from(id);
        frames.write(id, "a", Value::Int64(2)).unwrap();
        assert_eq!(seen[0].get("a"), Some(&Value::Int64(1)));
    }

    #[test]
    fn writes_of_watched_variables_are_told() {
        let mut frames = Frames::default();
        let int = |name, value| (name, DataType::Int64, Value::Int64(value));
        let package = frames.open(None, declared(&[int("a", 1), int("b", 1)])).unwrap();
        let inner = frames.open(Some(package), declared(&[int("b", 1)])).unwrap();
        frames.watch(package, ["a".to_owned(), "b".to_owned()].into());
        let change = |name: &str, value| Some(Change { frame: package, name: name.into(), value });
        assert_eq!(frames.write(inner, "b", Value::Int64(5)), Ok(None), "it hides the one that is watched");
        assert_eq!(frames.write(inner, "a", Value::Int64(2)), Ok(change("a", Value::Int64(2))));
        frames.write(inner, "a", Value::String("no number".into())).unwrap_err();
        assert_eq!(frames.write(package, "b", Value::Null), Ok(change("b", Value::Null)));
    }

    #[test]
    fn frames_side_by_side_do_not_see_each_other() {
        let mut frames = Frames::default();
        let package = frames.open(None, declared(&[])).unwrap();
        let own = declared(&[("a", DataType::Int64, Value::Int64(0))]);
        let (left, right) =
            (frames.open(Some(package), own.clone()).unwrap(), frames.open(Some(package), own).unwrap());
        frames.write(left, "a", Value::Int64(1)).unwrap();
        assert_eq!(read(&frames, right, "a"), Some(Value::Int64(0)));
    }

    #[test]
    fn types_and_sizes_are_held() {
        let mut frames = Frames::default();
        let text = ("text", DataType::String, Value::Null);
        let id = frames.open(None, declared(&[("n", DataType::Int64, Value::Int64(1)), text])).unwrap();
        let refused = frames.write(id, "n", Value::String("2".into())).unwrap_err();
        assert_eq!(refused.to_string(), "variable n is an int64, and cannot hold a string");
        let long = Value::String("x".repeat(VALUE_BYTES_MAX + 1));
        assert_eq!(frames.write(id, "text", long), Err(WriteError::TooLong("text".into())));
        assert_eq!(
            frames.write(id, "m", Value::Null).unwrap_err().to_string(),
            "there is no variable m here"
        );
        frames.write(id, "n", Value::Null).unwrap();
        assert_eq!(read(&frames, id, "n"), Some(Value::Null));
    }

    #[test]
    fn all_together_are_bounded() {
        let mut frames = Frames { bytes_max: 2 << 20, ..Frames::default() };
        let text = |length| Value::String("x".repeat(length));
        let begin = |value| declared(&[("text", DataType::String, value)]);
        let package = frames.open(None, begin(text(1 << 20))).unwrap();
        let inner = frames.open(Some(package), begin(Value::Null)).unwrap();
        frames.write(inner, "text", text(1 << 20)).unwrap();
        let full = frames.open(Some(inner), begin(text(1))).unwrap_err();
        assert_eq!(full.to_string(), "the variables of an execution hold at most 2 MiB together");
        let another = frames.open(Some(inner), begin(Value::Null)).unwrap();
        assert_eq!(frames.write(another, "text", text(1)), Err(WriteError::Full(full)));
        assert_eq!(read(&frames, another, "text"), Some(Value::Null), "it is as it was");
        // What takes the place of another one counts without it, and what is closed not at all.
        frames.write(inner, "text", text(1 << 19)).unwrap();
        frames.write(another, "text", text(1 << 19)).unwrap();
        frames.close(another);
        frames.write(inner, "text", text(1 << 20)).unwrap();
        frames.close(inner);
        frames.close(package);
        assert_eq!(frames.bytes, 0);
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
                ids.push(frames.open(ids.last().copied(), declared(&entries)).unwrap());
                plain.push(names.iter().map(|name| (name.clone(), 0)).collect());
            }
            for (from, name, value) in writes {
                let from = from.index(ids.len());
                let target = plain[..=from].iter_mut().rev().find_map(|scope| scope.get_mut(&name));
                let found = target.map(|target| *target = value);
                prop_assert_eq!(frames.write(ids[from], &name, Value::Int64(value)).ok().map(drop), found);
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
