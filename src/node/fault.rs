//! Faults for tests: the n-th operation fails, or the process dies before it.
