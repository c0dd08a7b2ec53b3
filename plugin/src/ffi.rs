//! The C ABI. Each function converts its pointers to Rust values first and its results to pointers last.
//! In between, errors and panics become an exit code and a text.
#![expect(unsafe_code, reason = "the C ABI")]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_long};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::{ptr, slice};

use gpupt::error::Error;
use gpupt::exit::Exit;
use gpupt::failure::Failure;

use crate::sessions;

/// A result for C, or an exit code and a text.
type Outcome<T> = Result<T, (Exit, String)>;

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
    // SAFETY: the caller makes the promises of `results` and of `inputs` too.
    let (mut results, inputs) = unsafe { (results(out, out_len, error), inputs(guest, xml, len)) };
    results.give("gpupt_splice", inputs, |guest, xml| {
        crate::splice(guest, xml).map_err(|error| said(guest, xml, error))
    })
}

/// Opens a session for the guests of one report; see `include/gpupt.h`.
#[unsafe(no_mangle)]
pub extern "C" fn gpupt_open() -> c_long {
    sessions::open().unwrap_or(0)
}

/// As [`gpupt_splice`], in a session; see `include/gpupt.h`.
///
/// # Safety
/// As [`gpupt_splice`]. `session` may be any number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gpupt_session_splice(
    session: c_long,
    guest: *const c_char,
    xml: *const c_char,
    len: usize,
    out: *mut *mut c_char,
    out_len: *mut usize,
    error: *mut *mut c_char,
) -> c_int {
    // SAFETY: the caller makes the promises of `results` and of `inputs` too.
    let (mut results, inputs) = unsafe { (results(out, out_len, error), inputs(guest, xml, len)) };
    results.give("gpupt_session_splice", inputs, |guest, xml| {
        let done = sessions::with(session, |session| session.splice(guest, xml));
        let done = done.ok_or_else(|| (Exit::Usage, format!("session {session} is not open")))?;
        done.map_err(|error| said(guest, xml, error))
    })
}

/// Closes a session; see `include/gpupt.h`.
#[unsafe(no_mangle)]
pub extern "C" fn gpupt_close(session: c_long) -> c_int {
    let exit = match guarded(|| Ok(sessions::close(session))) {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::Usage,
        Err((exit, _)) => exit,
    };
    exit.code().into()
}

/// Frees a text that [`gpupt_splice`] or [`gpupt_session_splice`] returned.
///
/// # Safety
/// `p` is NULL or was returned by one of them, and is not used afterwards.
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
fn guarded<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
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

/// The exit code and the text of an error.
fn said(guest: &str, xml: &[u8], error: Error) -> (Exit, String) {
    (error.exit(), crate::message(guest, xml, error))
}

/// The guest and its XML; what is wrong with a pointer otherwise.
type Inputs<'a> = Result<(&'a CStr, &'a [u8]), &'static str>;

/// # Safety
/// `guest` is NULL or a NUL-terminated string, `xml` is NULL or points to `len` readable bytes, and nobody
/// changes them while the result is used.
unsafe fn inputs<'a>(guest: *const c_char, xml: *const c_char, len: usize) -> Inputs<'a> {
    if guest.is_null() || (xml.is_null() && len > 0) {
        return Err("guest or xml is NULL");
    }
    if isize::try_from(len).is_err() {
        return Err("len is not a valid length");
    }
    // SAFETY: not NULL, so the caller promises a NUL-terminated string.
    let guest = unsafe { CStr::from_ptr(guest) };
    let xml = match len {
        0 => &[][..],
        // SAFETY: not NULL, so the caller promises `len` readable bytes; `len` fits an `isize`.
        _ => unsafe { slice::from_raw_parts(xml.cast::<u8>(), len) },
    };
    Ok((guest, xml))
}

/// Where the caller wants the results.
struct Results<'a> {
    out: Option<&'a mut *mut c_char>,
    out_len: Option<&'a mut usize>,
    error: Option<&'a mut *mut c_char>,
}

/// Where the caller wants the results; there is none yet.
///
/// # Safety
/// Each is NULL or points to a writable value of its own.
unsafe fn results<'a>(
    out: *mut *mut c_char,
    out_len: *mut usize,
    error: *mut *mut c_char,
) -> Results<'a> {
    // SAFETY: the caller promises that each is NULL or writable.
    let (out, out_len, error) = unsafe { (out.as_mut(), out_len.as_mut(), error.as_mut()) };
    let mut results = Results {
        out,
        out_len,
        error,
    };
    results.set(ptr::null_mut(), 0);
    results
}

impl Results<'_> {
    /// Sets the result of `splice` for `inputs`, or its error; returns the exit code. `function` is its name.
    fn give(
        &mut self,
        function: &str,
        inputs: Inputs,
        splice: impl FnOnce(&str, &[u8]) -> Outcome<Vec<u8>>,
    ) -> c_int {
        let misused = |what| (Exit::Usage, format!("{function}: {what}"));
        let outcome = match (inputs, self.has_out()) {
            (Ok((guest, xml)), true) => guarded(|| match guest.to_str() {
                Ok(guest) => splice(guest, xml),
                Err(_) => Err((Exit::Usage, "the guest name is not UTF-8".to_owned())),
            }),
            (_, false) => Err(misused("out or out_len is NULL")),
            (Err(what), true) => Err(misused(what)),
        };
        match outcome.and_then(|text| copied(&text)) {
            Ok((copy, len)) => {
                self.set(copy, len);
                self.end(Exit::Done, ptr::null_mut())
            }
            Err((exit, text)) => {
                let text: Vec<u8> = text.bytes().filter(|b| *b != 0).collect();
                let wanted = self.error.is_some();
                let copy = wanted.then(|| malloc_copy(&text)).flatten();
                self.end(exit, copy.unwrap_or(ptr::null_mut()))
            }
        }
    }

    fn has_out(&self) -> bool {
        self.out.is_some() && self.out_len.is_some()
    }

    /// Sets the new XML, which may be NULL.
    fn set(&mut self, text: *mut c_char, len: usize) {
        if let Some(out) = &mut self.out {
            **out = text;
        }
        if let Some(out_len) = &mut self.out_len {
            **out_len = len;
        }
    }

    /// Sets the text of the error, which may be NULL; returns the exit code.
    fn end(&mut self, exit: Exit, text: *mut c_char) -> c_int {
        if let Some(error) = &mut self.error {
            **error = text;
        }
        exit.code().into()
    }
}

/// A copy of `text` for C, and its length.
fn copied(text: &[u8]) -> Outcome<(*mut c_char, usize)> {
    let memory = || {
        (
            Exit::Failed,
            "out of memory for the new domain XML".to_owned(),
        )
    };
    Ok((malloc_copy(text).ok_or_else(memory)?, text.len()))
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
