//! A tree of files in memory: any user can run it, owners and modes are a table.
