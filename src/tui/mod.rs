//! Floor 8: the terminal interface.
