//! Runs the hook that was installed before ours. libvirt before 6.5.0 runs only `hooks/qemu`, so ours runs the
//! other hook after itself, with the same arguments and standard input, and its exit code counts.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use gpupt::hook::Outcome;

use crate::complain;

/// The name of the other hook since ours was installed.
const HOOK_BEFORE: &str = "qemu.before-gpupt";

/// The hook to run after ours, if libvirt started us as `hooks/qemu`.
pub(super) fn hook_after(program: Option<&OsString>) -> Option<PathBuf> {
    let program = Path::new(program?);
    let is_the_hook = program.file_name() == Some(OsStr::new("qemu"))
        && program.parent().and_then(Path::file_name) == Some(OsStr::new("hooks"));
    let other = is_the_hook.then(|| program.with_file_name(HOOK_BEFORE))?;
    is_run_by_libvirt(&other).then_some(other)
}

/// libvirt ignores a hook without an execute bit, and so do we.
fn is_run_by_libvirt(hook: &Path) -> bool {
    let facts = hook.metadata();
    facts.is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// Runs the other hook. It reads the XML from libvirt, or the XML that our hook changed. What it prints replaces ours;
/// if it prints nothing, ours is printed.
#[expect(
    clippy::disallowed_methods,
    reason = "the other hook is a program of this machine"
)]
pub(super) fn run(
    hook: &Path,
    words: &[OsString],
    ours: Outcome,
    xml: Vec<u8>,
    our_exit: ExitCode,
) -> ExitCode {
    let (input, own) = match ours {
        Outcome::Xml(changed) => (changed.clone(), Some(changed)),
        _ => (xml, None),
    };
    let mut command = Command::new(hook);
    command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    // libvirt kills a running guest whose hook fails at `reconnect`. Only the other hook itself may ask for that.
    let failed = match words.get(1).is_some_and(|word| word == "reconnect") {
        true => our_exit,
        false => ExitCode::FAILURE,
    };
    let Ok(mut child) = command.spawn() else {
        complain(format!("gpupt: cannot run {}\n", hook.display()));
        return failed;
    };
    if let Some(stdin) = child.stdin.take() {
        feed(stdin, input);
    }
    let Ok(output) = child.wait_with_output() else {
        return failed;
    };
    let xml = if output.stdout.is_empty() {
        own.unwrap_or_default()
    } else {
        output.stdout
    };
    let _ = std::io::stdout().write_all(&xml);
    match output.status.code() {
        Some(0) => our_exit,
        Some(code) => u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from),
        None => failed,
    }
}

/// Writes the other hook's input in a thread. If there is none to be had, it is written at once: a hook reads its
/// input before it prints much. A panic would end a running guest at `reconnect`.
fn feed(stdin: ChildStdin, input: Vec<u8>) {
    let (sender, receiver) = channel::<(ChildStdin, Vec<u8>)>();
    let feeder = thread::Builder::new().spawn(move || receiver.recv().map(write));
    match feeder {
        // The thread lives until it has the input.
        Ok(_) => drop(sender.send((stdin, input))),
        Err(_) => write((stdin, input)),
    }
}

/// The other hook may exit without reading.
fn write((mut stdin, input): (ChildStdin, Vec<u8>)) {
    let _ = stdin.write_all(&input);
}
