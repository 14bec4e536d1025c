//! The package language: model, reader, templates, bundles. Text in, values out.
