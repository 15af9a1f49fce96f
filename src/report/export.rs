//! Objects for a cluster, as one stream of YAML documents.

use std::io::{self, Write};

use crate::{model::ControlId, plan::export::Export, text::printable::one_line};

/// Writes every document under the controls it is for.
pub fn write(out: &mut dyn Write, exports: &[Export]) -> io::Result<()> {
    for Export { controls, title, yaml } in exports {
        let controls: Vec<&str> = controls.iter().map(ControlId::as_str).collect();
        write!(out, "---\n# {}: {}\n{yaml}", controls.join(", "), one_line(title))?;
    }
    Ok(())
}
