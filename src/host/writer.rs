//! The writer: the child process that does one write to the kernel. `kernel` starts it.
//!
//! A tree of files below `--root` has no kernel. A process that listens on its `kernel.sock` plays the
//! kernel; without one, nothing can be written there, only read.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use nix::errno::Errno;

use crate::host::Machine;
use crate::paths::KERNEL_SOCKET;

/// The name of a writer (`argv[0]`): no shell and no libvirt uses it.
pub(super) const WRITER: &str = "gpupt-writer";
/// When a check of processes that hangs ends itself; its parent has long given up.
const CHECK_SECONDS: u32 = 120;

/// Does the child's work, if this process is such a child; a program calls this first.
pub fn run_as_writer() -> Option<ExitCode> {
    let mut words = std::env::args_os();
    if words.next()? != WRITER {
        return None;
    }
    // A terminal or libvirt may signal the parent's process group; that must not reach the child.
    let _ = nix::unistd::setsid();
    let words: Vec<OsString> = words.collect();
    let outcome = match words.as_slice() {
        [root, operation, path, value @ ..] => {
            let machine = Machine::at(root);
            let value = value.first().cloned().unwrap_or_default();
            run_operation(&machine, operation, path, value.as_encoded_bytes())
        }
        _ => Err(Errno::EINVAL.into()),
    };
    let text = match outcome {
        Ok(text) => text,
        Err(error) => return Some(errno(&error).into()),
    };
    Some(match io::stdout().write_all(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => errno(&error).into(),
    })
}

fn run_operation(
    machine: &Machine,
    operation: &OsString,
    path: &OsString,
    value: &[u8],
) -> io::Result<Vec<u8>> {
    if operation == "users" {
        nix::unistd::alarm::set(CHECK_SECONDS);
        return machine.answer_user_query(&path.to_string_lossy());
    }
    let socket = machine.path(KERNEL_SOCKET);
    if !machine.is_real() && (operation != "read" || socket.exists()) {
        return send_to_socket(&socket, operation, path, value);
    }
    let path = machine.path(path);
    match operation.to_str() {
        Some("read") => fs::read(path),
        Some("write") => {
            // In one write: the kernel takes each write as a complete value.
            let mut file = fs::OpenOptions::new().write(true).open(path)?;
            let written = file.write(value)?;
            if written == value.len() {
                Ok(Vec::new())
            } else {
                Err(Errno::EIO.into())
            }
        }
        _ => Err(Errno::EINVAL.into()),
    }
}

/// Sends the operation to the process that plays the kernel of a tree of files.
fn send_to_socket(
    socket: &PathBuf,
    operation: &OsString,
    path: &OsString,
    value: &[u8],
) -> io::Result<Vec<u8>> {
    let mut kernel = UnixStream::connect(socket)?;
    let parts = [operation.as_encoded_bytes(), path.as_encoded_bytes(), value];
    kernel.write_all(&parts.join(&0))?;
    kernel.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    kernel.read_to_end(&mut answer)?;
    let end = answer.iter().position(|byte| *byte == b'\n');
    let end = end.ok_or(Errno::EIO)?;
    let code = str::from_utf8(&answer[..end])
        .ok()
        .and_then(|code| code.parse().ok());
    match code {
        Some(0) => Ok(answer.split_off(end + 1)),
        Some(code) => Err(io::Error::from_raw_os_error(code)),
        None => Err(Errno::EIO.into()),
    }
}

/// The exit status of a child that failed with this error.
fn errno(error: &io::Error) -> u8 {
    let code = error.raw_os_error().unwrap_or(Errno::EIO as i32);
    u8::try_from(code).unwrap_or(Errno::EIO as u8)
}
