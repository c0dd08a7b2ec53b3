//! The sessions that C callers hold, by number. A number is never given twice, so a session that was closed
//! cannot be mistaken for another one.

use std::collections::BTreeMap;
use std::ffi::c_long;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Session;

/// All open sessions, and the last number that was given.
struct Sessions {
    last: c_long,
    open: BTreeMap<c_long, Arc<Mutex<Session>>>,
}

static SESSIONS: Mutex<Sessions> = Mutex::new(Sessions {
    last: 0,
    open: BTreeMap::new(),
});

/// Opens a session; its number is positive. `None` if all numbers were given.
pub fn open() -> Option<c_long> {
    let mut sessions = locked(&SESSIONS);
    sessions.last = sessions.last.checked_add(1)?;
    let number = sessions.last;
    sessions.open.insert(number, Arc::default());
    Some(number)
}

/// The result of `work` with session `number`; other threads that use it wait. `None` if it is not open.
pub fn with<T>(number: c_long, work: impl FnOnce(&mut Session) -> T) -> Option<T> {
    let session = locked(&SESSIONS).open.get(&number).map(Arc::clone)?;
    let mut session = locked(&session);
    Some(work(&mut session))
}

/// Closes session `number`: whether it was open. A call that uses it meanwhile goes on to its end.
pub fn close(number: c_long) -> bool {
    let closed = locked(&SESSIONS).open.remove(&number);
    // Its connection ends only here, after the lock: a slow server holds up no other session.
    closed.is_some()
}

/// A panic in another call does not make the others fail.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
