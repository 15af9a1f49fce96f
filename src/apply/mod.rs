//! Floor 5: a transaction — compare, intend, back up, replace, verify, commit or roll back, recover.
