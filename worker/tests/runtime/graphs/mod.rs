//! Random packages of containers within containers, run as any other, and judged by a reference that knows no queue, no
//! counter and nothing of [`scaleout_package::flow`].

mod agree;
mod package;
mod random;
mod reference;
mod seen;
mod text;
