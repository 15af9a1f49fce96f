//! Reads recorded nodes (`snapshots/nodes/*.tar.gz`) into memory.
