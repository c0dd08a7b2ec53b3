//! A time limit for work that may never end.

use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoResult {
    /// The limit passed. The thread continues until its work ends.
    Timeout,
    /// The work panicked, or its thread could not be started.
    Died,
}

/// The name of the worker threads.
const THREAD: &str = "database";

/// Runs `work` on a thread and returns its result, if it ends within `limit`.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    quiet_panics();
    let (sender, receiver) = sync_channel(1);
    let started = thread::Builder::new()
        .name(THREAD.to_owned())
        .spawn(move || {
            // After the limit there is no receiver.
            let _ = sender.send(work());
        });
    if started.is_err() {
        return Err(NoResult::Died);
    }
    receiver.recv_timeout(limit).map_err(|error| match error {
        RecvTimeoutError::Timeout => NoResult::Timeout,
        RecvTimeoutError::Disconnected => NoResult::Died,
    })
}

/// Hides the panic messages of worker threads: if a client library panics at what a server sends, that
/// is reported as an error. Other panics are handled as before.
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

/// Decides once whether a change is committed by its thread or given up by the one that waits.
#[derive(Debug, Default)]
pub(super) struct Decision(AtomicU8);

impl Decision {
    const OPEN: u8 = 0;
    const COMMITTING: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// Called before `COMMIT`: whether the change may still be committed.
    pub(super) fn commit(&self) -> bool {
        self.settle(Self::COMMITTING)
    }

    /// Called after the deadline: whether the change is certain not to be committed. If not, it may
    /// have been.
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
        assert_eq!(result, Err(NoResult::Timeout));
    }
}
