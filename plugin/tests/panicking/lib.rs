//! The real C ABI around a splicer that panics.

#[path = "../../src/ffi.rs"]
pub mod ffi;

use gpupt::error::Error;

/// Panics, or with a guest called `thread` lets another thread panic first.
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
