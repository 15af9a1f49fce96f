//! Floor 7: renderers. They write to `&mut dyn Write` and print nothing themselves.
