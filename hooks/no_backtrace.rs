//! Leaves the code that prints a backtrace out of the static hook: a fifth of it.
//!
//! libvirt clears the environment, so a panic prints its message and aborts: nothing prints a backtrace or unwinds a
//! stack. std contains the code to do so. It gets the frames of a stack from `_Unwind_Backtrace`; with the one below,
//! which has none, the optimizer sees that std's reader of debug information is never called.
#![expect(unsafe_code, reason = "the unwinder's symbols have fixed names")]

use std::ffi::{c_int, c_void};
use std::process;

/// `_URC_END_OF_STACK`: there is no frame.
const END_OF_STACK: c_int = 5;

/// Visits no frame.
// SAFETY: the linker takes the unwinder's only if this one is missing, and both have the same signature.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_visit: *const c_void, _argument: *mut c_void) -> c_int {
    END_OF_STACK
}

/// Defines the other functions of the unwinder that std names. One that is missing would bring the unwinder back.
macro_rules! never_called {
    ($($name:ident),* $(,)?) => {$(
        // SAFETY: only code that unwinds a stack calls it. It reads no argument and does not return.
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> ! {
            process::abort()
        }
    )*};
}

never_called!(
    _Unwind_GetDataRelBase,
    _Unwind_GetIP,
    _Unwind_GetIPInfo,
    _Unwind_GetLanguageSpecificData,
    _Unwind_GetRegionStart,
    _Unwind_GetTextRelBase,
    _Unwind_Resume,
    _Unwind_SetGR,
    _Unwind_SetIP,
);
