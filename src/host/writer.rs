//! The writer: the child process that does one write to the kernel. `kernel` starts it.
//!
//! A tree of files below `--root` has no kernel. A process that listens on its `kernel.sock` plays the
//! kernel; without one, nothing can be written there, only read.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use nix::errno::Errno;
use nix::fcntl::OFlag;

use crate::host::Machine;
use crate::paths::{KERNEL_SOCKET, RUN};

/// The name of a writer (`argv[0]`): no shell and no libvirt uses it.
pub(super) const WRITER: &str = "gpupt-writer";
/// When a check of processes that hangs ends itself; its parent has long given up.
const CHECK_SECONDS: u32 = 120;
/// How much of a message of modprobe is shown.
const MESSAGE_BYTES_MAX: usize = 4096;
const MODPROBE: [&str; 2] = ["/sbin/modprobe", "/usr/sbin/modprobe"];

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
    let (text, exit) = match outcome {
        Ok(text) => (text, 0),
        Err(error) if error.raw_os_error().is_some() => (Vec::new(), errno(&error)),
        // An error that is no errno goes as text.
        Err(error) => (error.to_string().into_bytes(), errno(&error)),
    };
    Some(match io::stdout().write_all(&text) {
        Ok(()) => exit.into(),
        Err(error) => errno(&error).into(),
    })
}

/// Adds our process id to what the file of the write lock says. Standard input is that file.
fn sign() {
    let line = format!("{}\n", std::process::id());
    // It is only for messages.
    let _ = nix::unistd::write(io::stdin(), line.as_bytes());
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
    if operation != "read" {
        sign();
    }
    let socket = machine.path(KERNEL_SOCKET);
    if !machine.is_real() && (operation != "read" || socket.exists()) {
        return send_to_socket(&socket, operation, path, value);
    }
    let name = path;
    let path = machine.path(path);
    match operation.to_str() {
        Some("read") => fs::read(path),
        Some("modprobe") => modprobe(machine, name),
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

/// Loads a module.
fn modprobe(machine: &Machine, module: &OsString) -> io::Result<Vec<u8>> {
    let program = MODPROBE.into_iter().find(|path| Path::new(path).exists());
    let program = program.ok_or_else(|| io::Error::other("modprobe is not installed"))?;
    let mut modprobe = Command::new(program);
    modprobe.args(["-b", "--"]).arg(module);
    let (status, said) = run_alone(modprobe, &machine.path(RUN))?;
    if status.success() {
        return Ok(Vec::new());
    }
    let message = match said.trim() {
        "" => format!(
            "modprobe {} failed; it may be blacklisted",
            module.display()
        ),
        message => message.trim_start_matches("modprobe: ").to_owned(),
    };
    Err(io::Error::other(message))
}

/// Runs a program until it ends, and returns the start of its standard error. A daemon that it starts may keep
/// standard error open, so this is a file of `folder` without a name: nobody waits for the end of a pipe.
fn run_alone(mut program: Command, folder: &Path) -> io::Result<(ExitStatus, String)> {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(OFlag::O_TMPFILE.bits())
        .open(folder);
    // Where there are no such files, only the message is lost.
    let said = file.ok();
    let stderr = said.as_ref().and_then(|file| file.try_clone().ok());
    program
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr.map_or_else(Stdio::null, Stdio::from));
    let status = program.status()?;
    let mut text = vec![0; MESSAGE_BYTES_MAX];
    let length = said.map_or(Ok(0), |file| file.read_at(&mut text, 0));
    text.truncate(length.unwrap_or(0));
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    #[test]
    fn program_has_ended_although_a_daemon_keeps_its_standard_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut program = Command::new("sh");
        program.args(["-c", "sleep 60 & echo $! >&2; exit 3"]);
        let (status, said) = run_alone(program, folder.path()).expect("it runs");
        assert_eq!(status.code(), Some(3));
        let daemon = said.trim().parse().expect("its process");
        let ended = kill(Pid::from_raw(daemon), Signal::SIGKILL);
        assert_eq!(ended, Ok(()), "the daemon still runs");
    }
}
