//! The list of all statements, so that a test can prepare each against a fresh catalog.

/// Declares statements as constants, each the text of its file under `sql/`, and lists them.
macro_rules! statements {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(pub(crate) const $name: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalog/sql/", $file));)*

        /// File and text of each.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

pub(crate) use statements;
