//! Values as Go reads them: booleans, durations, addresses.

/// `strconv.ParseBool`: `1 t T TRUE true True 0 f F FALSE false False`.
pub fn go_bool(text: &str) -> Option<bool> {
    let _ = text;
    todo!()
}

/// Whether a Go duration is zero (`0`, `0s`, `0h0m`); `None` when it is not a duration.
pub fn is_zero_duration(text: &str) -> Option<bool> {
    let _ = text;
    todo!()
}

/// Whether an address (`127.0.0.1`, `[::1]:10249`, `localhost:1`, `::1`) is on the loopback interface; `None` when it is not an address.
pub fn is_loopback(text: &str) -> Option<bool> {
    let _ = text;
    todo!()
}
