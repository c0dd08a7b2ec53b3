//! The real C ABI around a splicer that panics.

#[path = "../../src/ffi.rs"]
pub mod ffi;

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
