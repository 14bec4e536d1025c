//! The package language: what users write, read into a checked model, and what follows from it.
//!
//! Pure and synchronous: text and bytes in, values out. Only [`folder`] and
//! [`bundle::extract_to`] touch the file system; nothing here starts a process, opens a socket or
//! knows the time.
//!
//! - [`value`]: data types and values
//! - [`mod@reference`], [`scope`], [`binding`]: `@name`, what it means, and its type in expressions
//! - [`frames`]: the variables of a package that runs, each in its scope
//! - [`rows`]: what a variable of type `table` holds
//! - [`operand`], [`template`]: expressions in `arguments`, and in texts as `{{ expression }}`
//! - [`expression`]: the expression language: [`expression::Parsed`], [`expression::Expression`]
//! - [`model`]: package, container, task, connection, parameter, variable
//! - [`diagnostics`]: what is wrong, with its place in the file
//! - [`reader`]: TOML to model: [`reader::read_package`], [`reader::read_settings`]
//! - [`schema`]: JSON Schemas for editors
//! - [`statement`]: the text of a statement that stands in a file
//! - [`files`], [`folder`]: a project's files, read from a folder with [`folder::read`]
//! - [`ignore`]: the rules of `.scaleoutignore`
//! - [`inside`]: paths that stay within a folder
//! - [`project`]: [`project::Project::check`], everything that can be known before running
//! - [`property`]: properties of tasks that are values or expressions
//! - [`siblings`]: the packages of a project as those see them that run them
//! - [`bundle`]: [`bundle::pack`], [`bundle::unpack`], [`bundle::extract_to`]
//! - [`manifest`]: what the catalog keeps of a project, as JSON
//! - [`arguments`]: parameter values at enqueue: [`arguments::resolve`], [`arguments::typed`]
//! - [`flow`]: which task of a container runs next: [`flow::Flow`], [`flow::retry_after`]
//! - [`duration`]: `10m`, `1h30m`
//! - [`nearest`]: the nearest known word to a misspelt one

pub mod arguments;
pub mod binding;
pub mod budget;
pub mod bundle;
pub mod data_type;
pub mod diagnostics;
pub mod duration;
pub mod expression;
pub mod files;
pub mod flow;
pub mod folder;
pub mod frames;
pub mod ignore;
pub mod inside;
pub mod manifest;
pub mod model;
pub mod nearest;
pub mod operand;
pub mod project;
pub mod property;
pub mod reader;
pub mod reference;
pub mod rows;
pub mod schema;
pub mod scope;
pub mod siblings;
pub mod statement;
pub mod template;
pub mod value;

pub use diagnostics::{Diagnostics, Problem};
pub use files::ProjectFiles;
pub use model::Package;
pub use project::Project;
pub use value::{DataType, Value};
