//! A simulated node: a recorded tree with a simulated kubelet.
