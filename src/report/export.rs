//! Objects for a cluster, as one stream of YAML documents.

use std::io::{self, Write};

use crate::{plan::export::Export, text::printable::one_line};

/// Writes every document under the control it is for.
pub fn write(out: &mut dyn Write, exports: &[Export]) -> io::Result<()> {
    for Export { control, title, yaml } in exports {
        write!(out, "---\n# {control} {}\n{yaml}", one_line(title))?;
    }
    Ok(())
}
