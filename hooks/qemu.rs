//! libvirt's hook for QEMU guests: `qemu NAME OPERATION SUBOPERATION EXTRA < domain.xml`.
//!
//! libvirtd waits for it at each step of every guest. So it never calls libvirt, ends at a deadline, and prints to
//! standard output only the changed XML of a guest that migrates or is restored. `gpupt::hook` has what it does; this
//! file has libvirt's protocol, `chain` the hook that runs after it.
#![forbid(unsafe_code)]

mod chain;

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gpupt::domain_xml::BYTES_MAX;
use gpupt::escape::printable;
use gpupt::failure::{break_phrases, line};
use gpupt::hook::{Hook, InputError, Operation, Outcome};
use gpupt::host::{Machine, run_as_writer};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// libvirt writes the domain XML at once, but on a busy host it can take many seconds to arrive, and libvirt waits
/// for its hook. This is for a program that keeps the pipe open and writes nothing.
const INPUT_DEADLINE: Duration = Duration::from_secs(60);
/// How long one write to the kernel may take.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    if let Some(exit) = run_as_writer() {
        return exit;
    }
    let words: Vec<OsString> = env::args_os().collect();
    let chained = chain::hook_after(words.first());
    let operation = words
        .get(2)
        .and_then(|word| Operation::named(word.to_str()?));
    if operation.is_none() && chained.is_none() {
        return ExitCode::SUCCESS;
    }
    // The other hook gets all input, whatever its length.
    let bytes_max = if chained.is_some() {
        usize::MAX
    } else {
        BYTES_MAX
    };
    let (xml, fault) = domain_xml(bytes_max);
    let arrives = chained.is_some() && operation == Some(Operation::Incoming);
    let cut = fault.as_ref().filter(|fault| arrives && is_cut(fault));
    let chained = chained.filter(|_| cut.is_none());
    let outcome = match (operation, cut) {
        (_, Some(fault)) => Outcome::Refused(line(fault)),
        (Some(operation), None) => run_ours(operation, words.get(1), &xml, fault),
        (None, None) => Outcome::Quiet,
    };
    let ours = print_refusal(&outcome, words.get(1));
    match chained {
        Some(hook) => chain::run(&hook, &words[1..], outcome, xml, ours),
        None => {
            print(&outcome);
            ours
        }
    }
}

/// Whether a part of the XML may be missing. What the other hook prints replaces the XML of a guest that migrates or
/// is restored, and it could print such a part. So the guest is refused: it goes on where it is, or stays saved.
fn is_cut(fault: &InputError) -> bool {
    matches!(fault, InputError::Late(_) | InputError::Unread(_))
}

fn run_ours(
    operation: Operation,
    guest: Option<&OsString>,
    xml: &[u8],
    fault: Option<InputError>,
) -> Outcome {
    let machine = Machine::at(root());
    if !may_detach(&machine) {
        return Outcome::Quiet;
    }
    machine.mark_hook_run();
    let hook = Hook {
        machine: &machine,
        deadline: deadline(),
    };
    let guest = guest.map(|name| name.to_string_lossy());
    hook.run(
        operation,
        &guest.unwrap_or_default(),
        fault.map_or(Ok(xml), Err),
    )
}

/// Prints the refusal and returns the exit code, which refuses the start even if standard error is closed.
fn print_refusal(outcome: &Outcome, guest: Option<&OsString>) -> ExitCode {
    let Outcome::Refused(why) = outcome else {
        return ExitCode::SUCCESS;
    };
    let guest = guest.map(|name| name.as_encoded_bytes());
    let guest = printable(guest.unwrap_or_default());
    // Names of programs and guests may contain newlines.
    let why = printable(why.as_bytes());
    complain(format!("gpupt: guest {guest} cannot start: {why}\n"));
    ExitCode::FAILURE
}

/// Prints a complaint, which libvirt shows. The names in it can contain phrases that Rocks takes for a missing disk.
fn complain(line: String) {
    let mut line = line.into_bytes();
    break_phrases(&mut line);
    let _ = io::stderr().write_all(&line);
}

/// Prints the XML that replaces the guest's own.
fn print(outcome: &Outcome) {
    if let Outcome::Xml(xml) = outcome {
        // If the write fails, libvirt rejects the truncated document.
        let _ = io::stdout().write_all(xml);
    }
}

fn root() -> OsString {
    let root = env::var_os("GPUPT_ROOT").filter(|root| !root.is_empty());
    root.unwrap_or_else(|| OsString::from("/"))
}

/// The deadline for one write.
fn deadline() -> Duration {
    seconds_of("GPUPT_TIMEOUT").unwrap_or(WRITE_DEADLINE)
}

/// A deadline of the environment. libvirt clears it, so this is for tests.
fn seconds_of(variable: &str) -> Option<Duration> {
    let seconds = env::var(variable).ok()?.parse().ok();
    let seconds = seconds.filter(|seconds| (0.1..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64)
}

/// `qemu:///session` runs the same hooks as an ordinary user, who cannot detach cards.
fn may_detach(machine: &Machine) -> bool {
    !machine.is_real() || nix::unistd::geteuid().is_root()
}

/// Standard input, and why it is no XML to judge. Of an input that is too long this is the start.
fn domain_xml(bytes_max: usize) -> (Vec<u8>, Option<InputError>) {
    let deadline = seconds_of("GPUPT_INPUT_TIMEOUT").unwrap_or(INPUT_DEADLINE);
    let mut xml = Vec::new();
    let fault = match read_input(&mut xml, bytes_max, deadline) {
        Err(error) => Some(InputError::Unread(error)),
        Ok(false) => Some(InputError::Late(deadline.as_secs())),
        Ok(true) => (xml.len() > BYTES_MAX).then_some(InputError::TooLong),
    };
    (xml, fault)
}

/// Reads standard input to its end, or until it is longer than `bytes_max`. False if the deadline passed.
fn read_input(xml: &mut Vec<u8>, bytes_max: usize, deadline: Duration) -> io::Result<bool> {
    let stdin = io::stdin();
    let mut input = stdin.lock();
    let until = Instant::now() + deadline;
    while xml.len() <= bytes_max {
        if !is_ready(&stdin, until)? {
            return Ok(false);
        }
        let piece = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        if piece.is_empty() {
            break;
        }
        xml.extend_from_slice(piece);
        let length = piece.len();
        input.consume(length);
    }
    Ok(true)
}

/// Whether standard input can be read, or has ended, before `until`.
fn is_ready(stdin: &io::Stdin, until: Instant) -> Result<bool, Errno> {
    loop {
        let Some(left) = until.checked_duration_since(Instant::now()) else {
            return Ok(false);
        };
        let left = PollTimeout::try_from(left).map_err(|_| Errno::EINVAL)?;
        let mut ready = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, left) {
            Ok(0) | Err(Errno::EINTR) => (),
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno),
        }
    }
}
