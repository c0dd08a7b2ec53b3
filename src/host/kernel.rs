//! Writes to the kernel: each in a child process, which can be abandoned.
//!
//! An unbind can block for ever, and a process that is stuck in one cannot be killed. So this process
//! never writes itself: it starts its own program again, as a [`writer`](super::writer), and waits for it
//! until the deadline. The child's exit status is the kernel's answer, an errno.
//!
//! A child that changes something holds the card's [`write_lock`](super::write_lock) as its standard input.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binding::{ActError, Kernel, Step};
use crate::host::writer::WRITER;
use crate::host::{Machine, Users};
use crate::paths::{GPUPCI, HOOKS, SELF_EXE};
use crate::pci::{DriverName, PciAddress, PciSlot};

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

    /// Loads a module for the card in `slot`. Its drivers may bind the card.
    ///
    /// # Errors
    /// The message of `modprobe`, or that the deadline passed.
    pub fn load(&self, module: &str, slot: PciSlot) -> Result<(), ActError> {
        let words = ["modprobe".into(), module.into()];
        self.run_writer(slot, &format!("modprobe {module}"), &words)
    }

    /// Checks in a child which processes use cards. A confined hook may not read every process;
    /// `gpupci` may. It can be of another release, whose answer cannot be read.
    pub(super) fn check_users(&self, query: &str) -> Result<Users, ActError> {
        let words = ["users".into(), query.into()];
        let is_hook = std::env::current_exe().is_ok_and(|program| program.starts_with(HOOKS));
        if self.machine.is_real() && is_hook && self.machine.exists(GPUPCI) {
            let answer = self.run_child_of(GPUPCI, &words, Stdio::null());
            let users = Users::parse(answer);
            if !matches!(users, Err(ActError::Refused(_))) {
                return users;
            }
        }
        Users::parse(self.run_child(&words))
    }

    fn run_child(&self, words: &[OsString]) -> Result<Vec<u8>, ActError> {
        self.run_child_of(SELF_EXE, words, Stdio::null())
    }

    /// Runs a child that changes the card in `slot`, unless another one has not ended.
    fn run_writer(&self, slot: PciSlot, write: &str, words: &[OsString]) -> Result<(), ActError> {
        let lock = self.machine.lock_writes(slot, write, self.deadline);
        let lock = lock.map_err(ActError::Refused)?;
        self.run_child_of(SELF_EXE, words, lock.into()).map(|_| ())
    }

    fn run_child_of(
        &self,
        program: &str,
        words: &[OsString],
        stdin: Stdio,
    ) -> Result<Vec<u8>, ActError> {
        let mut child = Command::new(program);
        child
            .arg0(WRITER)
            .arg(self.machine.path("/"))
            .args(words)
            .stdin(stdin)
            .stdout(Stdio::piped())
            // A stuck child must not keep our standard error open: its reader would wait for ever.
            .stderr(Stdio::null());
        let output = start(child, self.deadline)?;
        match output.status.code() {
            Some(0) => Ok(output.stdout),
            Some(_) if !output.stdout.is_empty() => {
                let message = String::from_utf8_lossy(&output.stdout).into_owned();
                Err(ActError::Refused(io::Error::other(message)))
            }
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
        self.run_writer(step.function().slot(), &step.to_string(), &words)
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
    command.stdin(Stdio::null());
    start(command, deadline)
}

fn start(mut command: Command, deadline: Duration) -> Result<Output, ActError> {
    let waiter = Waiter::start().map_err(ActError::Refused)?;
    let child = command.spawn().map_err(ActError::Refused)?;
    waiter.wait(child, deadline)
}

/// Runs a program that reads `input`, and kills it after `deadline`.
pub(super) fn run_with_input(
    mut command: Command,
    input: Vec<u8>,
    deadline: Duration,
) -> Result<Output, ActError> {
    let waiter = Waiter::start().map_err(ActError::Refused)?;
    let child = command.stdin(Stdio::piped()).spawn();
    let mut child = child.map_err(ActError::Refused)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input ends with an error of its own.
        let writer = thread::Builder::new().spawn(move || drop(stdin.write_all(&input)));
        writer.map_err(ActError::Refused)?;
    }
    let pid = i32::try_from(child.id()).map(Pid::from_raw);
    let outcome = waiter.wait(child, deadline);
    if let (Err(ActError::Late), Ok(pid)) = (&outcome, pid) {
        // Such a program only reads, so it can be killed.
        let _ = kill(pid, Signal::SIGKILL);
    }
    outcome
}

/// A thread that waits for a child. It is there before the child is started: a write that has begun
/// must not be taken for one that failed.
struct Waiter {
    child: SyncSender<Child>,
    output: Receiver<io::Result<Output>>,
}

impl Waiter {
    fn start() -> io::Result<Self> {
        let (child, children) = sync_channel::<Child>(1);
        let (outputs, output) = sync_channel(1);
        thread::Builder::new().spawn(move || {
            if let Ok(child) = children.recv() {
                // The receiver has gone if the deadline has passed.
                let _ = outputs.send(child.wait_with_output());
            }
        })?;
        Ok(Self { child, output })
    }

    fn wait(self, child: Child, deadline: Duration) -> Result<Output, ActError> {
        // The thread lives until it has a child.
        let _ = self.child.send(child);
        let output = self.output.recv_timeout(deadline);
        output
            .map_err(|_| ActError::Late)?
            .map_err(ActError::Refused)
    }
}
