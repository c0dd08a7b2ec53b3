//! The real C ABI around a splicer that panics.

#[path = "../../src/ffi.rs"]
pub mod ffi;
#[path = "../../src/sessions.rs"]
mod sessions;

use gpupt::error::Error;

/// Panics. For a guest named `thread`, another thread panics first.
///
/// # Errors
/// Never: it panics.
#[expect(clippy::panic, reason = "this is there to panic")]
pub fn splice(guest: &str, _xml: &[u8]) -> Result<Vec<u8>, Error> {
    if guest == "thread" {
        let _ = std::thread::spawn(|| panic!("in a thread")).join();
    }
    panic!("on purpose,\nfor {guest}");
}

/// The message of an error; there is none.
pub fn message(_guest: &str, _xml: &[u8], error: Error) -> String {
    error.to_string()
}

/// A session whose splicer panics too, and whose end does.
#[derive(Default)]
pub struct Session;

impl Session {
    /// As [`splice`].
    ///
    /// # Errors
    /// Never: it panics.
    pub fn splice(&mut self, guest: &str, xml: &[u8]) -> Result<Vec<u8>, Error> {
        splice(guest, xml)
    }
}

impl Drop for Session {
    #[expect(clippy::panic, reason = "this is there to panic")]
    fn drop(&mut self) {
        panic!("on purpose, at the end");
    }
}
