//! Work that may never end, and a limit to waiting for it.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoResult {
    /// The limit passed. The work goes on, alone, until what it waits for ends.
    Late,
    /// It panicked, or could not be started.
    Died,
}

/// The result of `work`, if it comes within `limit`.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    let (sender, receiver) = sync_channel(1);
    let started = thread::Builder::new()
        .name("database".to_owned())
        .spawn(move || {
            // Nobody waits any more when the limit has passed.
            let _ = sender.send(work());
        });
    if started.is_err() {
        return Err(NoResult::Died);
    }
    receiver.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => NoResult::Late,
        RecvTimeoutError::Disconnected => NoResult::Died,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn work_that_ends_gives_its_result() {
        assert_eq!(within(Duration::from_secs(60), || 7), Ok(7));
    }

    #[test]
    fn work_that_does_not_end_is_left_alone() {
        let (_keep, never) = sync_channel::<()>(1);
        let result = within(Duration::from_millis(20), move || never.recv().is_ok());
        assert_eq!(result, Err(NoResult::Late));
    }
}
