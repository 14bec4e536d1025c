//! What an attempt needs before it can run: its project's files, its package, its values.

mod bundles;
mod fetch;
mod load;
#[cfg(test)]
mod tests;

pub(crate) use load::Packages;
