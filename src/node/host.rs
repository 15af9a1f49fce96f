//! The running node, and plain directory trees ([`DirFiles`]).
