//! The schemas of types, as requests are read and as answers are written, gathered into one list of components.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use super::plain;

/// Where components lie in the document.
const PATH: &str = "/components/schemas";

/// Makes the schema of a type, and gathers what it refers to.
pub(super) type Make = fn(&mut Schemas) -> Value;

/// Gathers them.
pub(super) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = PATH.into();
                settings.meta_schema = None;
            })
        };
        Self {
            read: settings().for_deserialize().into_generator(),
            written: settings().for_serialize().into_generator(),
        }
    }

    /// What a request may hold.
    pub(super) fn read<T: JsonSchema>(&mut self) -> Value {
        plain::schema(self.read.subschema_for::<T>().to_value())
    }

    /// What an answer holds.
    pub(super) fn written<T: JsonSchema>(&mut self) -> Value {
        plain::schema(self.written.subschema_for::<T>().to_value())
    }

    /// The same as [`read`](Self::read), but not as a reference: for what is taken apart.
    pub(super) fn parts<T: JsonSchema>(&mut self) -> Value {
        plain::schema(T::json_schema(&mut self.read).to_value())
    }

    /// All components, and the names of those that are read otherwise than they are written: of which there may be none.
    pub(super) fn finish(mut self) -> (Map<String, Value>, Vec<String>) {
        let mut components = self.written.take_definitions(true);
        let mut torn = Vec::new();
        for (name, schema) in self.read.take_definitions(true) {
            if components.get(&name).is_some_and(|known| *known != schema) {
                torn.push(name.clone());
            }
            components.insert(name, schema);
        }
        (components.into_iter().map(|(name, schema)| (name, plain::schema(schema))).collect(), torn)
    }
}
