//! Work that may never end, and a limit to waiting for it.

use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicU8, Ordering};
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

/// The name of the threads that work is done on.
const THREAD: &str = "database";

/// The result of `work`, if it comes within `limit`.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    quiet_panics();
    let (sender, receiver) = sync_channel(1);
    let started = thread::Builder::new()
        .name(THREAD.to_owned())
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

/// A driver that panics at what a server sends is reported as an error; what it would print besides
/// helps nobody. All other panics go where they went before.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREAD) {
                before(info);
            }
        }));
    });
}

/// Who decides about a change: the thread that makes it, until somebody gives it up.
#[derive(Debug, Default)]
pub(super) struct Decision(AtomicU8);

impl Decision {
    const OPEN: u8 = 0;
    const COMMITTING: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// Before the change is kept: whether it still may be.
    pub(super) fn commit(&self) -> bool {
        self.settle(Self::COMMITTING)
    }

    /// When the deadline has passed: whether the change will not be kept. If not, it may have been.
    pub(super) fn give_up(&self) -> bool {
        self.settle(Self::GIVEN_UP)
    }

    fn settle(&self, how: u8) -> bool {
        let order = (Ordering::SeqCst, Ordering::SeqCst);
        self.0
            .compare_exchange(Self::OPEN, how, order.0, order.1)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn work_that_ends_in_time_gives_its_result() {
        assert_eq!(within(Duration::from_secs(60), || 7), Ok(7));
    }

    #[test]
    fn decision_is_made_once() {
        let kept = Decision::default();
        assert_eq!((kept.commit(), kept.give_up()), (true, false));
        let dropped = Decision::default();
        assert_eq!((dropped.give_up(), dropped.commit()), (true, false));
    }

    #[test]
    fn panic_of_the_work_is_reported() {
        let result = within(Duration::from_secs(60), || -> u8 { panic!("garbage") });
        assert_eq!(result, Err(NoResult::Died));
    }

    #[test]
    fn work_that_does_not_end_is_abandoned_after_the_deadline() {
        let (_keep, never) = sync_channel::<()>(1);
        let result = within(Duration::from_millis(20), move || never.recv().is_ok());
        assert_eq!(result, Err(NoResult::Late));
    }
}
