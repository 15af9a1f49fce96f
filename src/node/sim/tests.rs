//! Table tests of the simulated node.
