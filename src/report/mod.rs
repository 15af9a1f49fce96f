//! Floor 7: renderers. They write to `&mut dyn Write` and print nothing themselves.
//!
//! Text carries ANSI styles; whoever owns the stream strips them where they are not wanted. Meaning is
//! never carried by colour alone. JSON documents name their schema and version.

pub mod diff;
pub mod explain;
pub mod export;
pub mod history;
pub mod json;
pub mod plan;
pub mod scan;
pub mod style;

pub use style::{Look, Theme};
