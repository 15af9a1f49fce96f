//! Floor 4: backups and journal on disk, through [`Node`].
//!
//! `transactions/<id>/{plan.json, journal.jsonl, backup/…}` below the state directory, all 0700 / 0600, root only.
