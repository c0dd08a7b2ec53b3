//! Writes to the kernel: each in a child process, which can be abandoned.
//!
//! An unbind can block for ever, and a process that is stuck in one cannot be killed. So this process
//! never writes itself: it starts its own program again, as a [`writer`](super::writer), and waits for it
//! until the deadline. The child's exit status is the kernel's answer, an errno.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binding::{ActError, Kernel, Step};
use crate::host::Machine;
use crate::host::writer::WRITER;
use crate::paths::{GPUPCI, HOOKS, SELF_EXE};
use crate::pci::{DriverName, PciAddress};

const MODPROBE: [&str; 2] = ["/sbin/modprobe", "/usr/sbin/modprobe"];

/// The kernel of a machine, with a deadline for each write.
#[derive(Clone, Debug)]
pub struct SysfsKernel {
    machine: Machine,
    deadline: Duration,
}

impl SysfsKernel {
    /// The kernel of `machine`, with a `deadline` for each write.
    pub fn of(machine: &Machine, deadline: Duration) -> Self {
        Self {
            machine: machine.clone(),
            deadline,
        }
    }

    /// Reads an attribute whose read can block: old kernels take the device lock to read a driver
    /// override, and a stuck unbind holds that lock.
    ///
    /// # Errors
    /// The error of the kernel, or that the deadline passed.
    pub fn read(&self, path: &str) -> Result<String, ActError> {
        let text = self.run_child(&["read".into(), path.into()])?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Loads a module.
    ///
    /// # Errors
    /// The message of `modprobe`.
    pub fn load(&self, module: &str) -> Result<(), String> {
        if !self.machine.is_real() {
            let acted = self.run_child(&["modprobe".into(), module.into()]);
            return acted.map(|_| ()).map_err(|why| why.to_string());
        }
        let program = MODPROBE.into_iter().find(|path| Path::new(path).exists());
        let program = program.ok_or("modprobe is not installed")?;
        let mut modprobe = Command::new(program);
        modprobe
            .args(["-b", "--", module])
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let output = run_with_deadline(modprobe, self.deadline).map_err(|why| why.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        match String::from_utf8_lossy(&output.stderr).trim() {
            "" => Err(format!("modprobe {module} failed; it may be blacklisted")),
            message => Err(message.to_owned()),
        }
    }

    /// Checks in a child which processes use cards. A confined hook may not read every process;
    /// `gpupci` may.
    pub(super) fn check_users(&self, query: &str) -> Result<Vec<u8>, ActError> {
        let words = ["users".into(), query.into()];
        let is_hook = std::env::current_exe().is_ok_and(|program| program.starts_with(HOOKS));
        if self.machine.is_real() && is_hook && Path::new(GPUPCI).exists() {
            let answer = self.run_child_of(GPUPCI, &words);
            if !matches!(answer, Err(ActError::Refused(_))) {
                return answer;
            }
        }
        self.run_child(&words)
    }

    fn run_child(&self, words: &[OsString]) -> Result<Vec<u8>, ActError> {
        self.run_child_of(SELF_EXE, words)
    }

    fn run_child_of(&self, program: &str, words: &[OsString]) -> Result<Vec<u8>, ActError> {
        let mut child = Command::new(program);
        child
            .arg0(WRITER)
            .arg(self.machine.path("/"))
            .args(words)
            .stdout(Stdio::piped())
            // A stuck child must not keep our standard error open: its reader would wait for ever.
            .stderr(Stdio::null());
        let output = run_with_deadline(child, self.deadline)?;
        match output.status.code() {
            Some(0) => Ok(output.stdout),
            Some(errno) => Err(ActError::Refused(io::Error::from_raw_os_error(errno))),
            None => Err(ActError::Refused(io::Error::other(
                "the process that did the write was killed",
            ))),
        }
    }
}

impl Kernel for SysfsKernel {
    fn perform(&mut self, step: &Step) -> Result<(), ActError> {
        let words = ["write".into(), step.path().into(), step.value().into()];
        self.run_child(&words).map(|_| ())
    }

    fn driver(&mut self, function: PciAddress) -> io::Result<Option<DriverName>> {
        Ok(self.machine.driver(function)?)
    }
}

/// Runs a program and waits for it until `deadline` has passed; then it is abandoned, not killed.
pub(super) fn run_with_deadline(
    mut command: Command,
    deadline: Duration,
) -> Result<Output, ActError> {
    let child = command.stdin(Stdio::null()).spawn();
    wait_with_deadline(child.map_err(ActError::Refused)?, deadline)
}

/// Runs a program that reads `input`, and kills it after `deadline`.
pub(super) fn run_with_input(
    mut command: Command,
    input: Vec<u8>,
    deadline: Duration,
) -> Result<Output, ActError> {
    let child = command.stdin(Stdio::piped()).spawn();
    let mut child = child.map_err(ActError::Refused)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input ends with an error of its own.
        let writer = thread::Builder::new().spawn(move || drop(stdin.write_all(&input)));
        writer.map_err(ActError::Refused)?;
    }
    let pid = i32::try_from(child.id()).map(Pid::from_raw);
    let outcome = wait_with_deadline(child, deadline);
    if let (Err(ActError::Late), Ok(pid)) = (&outcome, pid) {
        // Such a program only reads, so it can be killed.
        let _ = kill(pid, Signal::SIGKILL);
    }
    outcome
}

fn wait_with_deadline(child: Child, deadline: Duration) -> Result<Output, ActError> {
    let (sender, receiver) = sync_channel(1);
    let waiting = thread::Builder::new().spawn(move || {
        // The receiver has gone if the deadline has passed.
        let _ = sender.send(child.wait_with_output());
    });
    waiting.map_err(ActError::Refused)?;
    let output = receiver
        .recv_timeout(deadline)
        .map_err(|_| ActError::Late)?;
    output.map_err(ActError::Refused)
}
