//! The C ABI. Each function converts its pointers to Rust values first and its results to pointers last.
//! In between, errors and panics become an exit code and a text.
#![expect(unsafe_code, reason = "the C ABI")]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::{ptr, slice};

use gpupt::exit::Exit;
use gpupt::failure::{Failure, lines};

/// A result for C: bytes, or an exit code and a text.
type Outcome = Result<Vec<u8>, (Exit, String)>;

/// Adds the cards of a guest to its domain XML; see `include/gpupt.h`.
///
/// # Safety
/// `guest` is NULL or a NUL-terminated string; `xml` is NULL or points to `len` readable bytes; `out`,
/// `out_len` and `error` are NULL or point to three different writable values of their types. No other
/// thread changes any of them during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpupt_splice(
    guest: *const c_char,
    xml: *const c_char,
    len: usize,
    out: *mut *mut c_char,
    out_len: *mut usize,
    error: *mut *mut c_char,
) -> c_int {
    // SAFETY: the caller promises that each is NULL or writable.
    let (out, out_len, error) = unsafe { (out.as_mut(), out_len.as_mut(), error.as_mut()) };
    let (out, out_len) = match (out, out_len) {
        (Some(out), Some(out_len)) => {
            (*out, *out_len) = (ptr::null_mut(), 0);
            (out, out_len)
        }
        (out, out_len) => {
            if let Some(out) = out {
                *out = ptr::null_mut();
            }
            if let Some(out_len) = out_len {
                *out_len = 0;
            }
            return fail(error, Exit::Usage, "gpupt_splice: out or out_len is NULL");
        }
    };
    if guest.is_null() || (xml.is_null() && len > 0) {
        return fail(error, Exit::Usage, "gpupt_splice: guest or xml is NULL");
    }
    if isize::try_from(len).is_err() {
        return fail(
            error,
            Exit::Usage,
            "gpupt_splice: len is not a valid length",
        );
    }
    // SAFETY: not NULL, so the caller promises a NUL-terminated string.
    let guest = unsafe { CStr::from_ptr(guest) };
    let xml = match len {
        0 => &[][..],
        // SAFETY: not NULL, so the caller promises `len` readable bytes; `len` fits an `isize`.
        _ => unsafe { slice::from_raw_parts(xml.cast::<u8>(), len) },
    };
    let outcome = guarded(|| match guest.to_str() {
        Ok(guest) => crate::splice(guest, xml).map_err(|e| (e.exit(), lines(&e))),
        Err(_) => Err((Exit::Usage, "the guest name is not UTF-8".to_owned())),
    });
    match outcome {
        Ok(text) => match malloc_copy(&text) {
            Some(copy) => {
                (*out, *out_len) = (copy, text.len());
                if let Some(error) = error {
                    *error = ptr::null_mut();
                }
                Exit::Done.code().into()
            }
            None => fail(error, Exit::Failed, "out of memory for the new domain XML"),
        },
        Err((exit, text)) => fail(error, exit, &text),
    }
}

/// Frees a text that [`gpupt_splice`] returned.
///
/// # Safety
/// `p` is NULL or was returned by [`gpupt_splice`], and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpupt_free(p: *mut c_char) {
    // SAFETY: the caller promises that it is NULL or came from `malloc_copy`, which is malloc's.
    unsafe { libc::free(p.cast()) }
}

/// The version of this library.
#[unsafe(no_mangle)]
pub extern "C" fn gpupt_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

thread_local! {
    /// The message and location of this thread's last panic.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The outcome of `work`; a panic becomes an error and prints nothing to the caller's standard error.
fn guarded(work: impl FnOnce() -> Outcome) -> Outcome {
    static QUIET: Once = Once::new();
    // A cdylib has its own copy of the standard library, so this hook affects no other code.
    QUIET.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            PANIC.with_borrow_mut(|said| *said = panic.to_string());
        }));
    });
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let said = PANIC.take().replace('\n', ": ");
        Err((
            Exit::Failed,
            format!("internal error: this is a bug in gpupt\n  cause: {said}\n  state: nothing was changed"),
        ))
    })
}

/// Returns the code of a failure, and sets its text if the caller wants it.
fn fail(error: Option<&mut *mut c_char>, exit: Exit, text: &str) -> c_int {
    if let Some(error) = error {
        let text: Vec<u8> = text.bytes().filter(|b| *b != 0).collect();
        *error = malloc_copy(&text).unwrap_or(ptr::null_mut());
    }
    exit.code().into()
}

/// A NUL-terminated copy of `bytes`, allocated with malloc; `None` if that fails.
fn malloc_copy(bytes: &[u8]) -> Option<*mut c_char> {
    // SAFETY: malloc takes any size, and a Vec is never so long that the sum wraps.
    let copy = unsafe { libc::malloc(bytes.len() + 1) }.cast::<u8>();
    if copy.is_null() {
        return None;
    }
    // SAFETY: `copy` is fresh and has room for the bytes and one more.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), copy, bytes.len());
        copy.add(bytes.len()).write(0);
    }
    Some(copy.cast())
}
