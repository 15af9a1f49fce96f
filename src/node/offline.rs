//! An image or a recording under `--root`.
