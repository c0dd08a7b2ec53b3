//! The hook that stood here before us. Where libvirt has no `qemu.d` (before 6.5.0) there is one place
//! for a hook, so ours runs the other one after itself: same arguments, same standard input, and its
//! exit code counts.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use gpupt::hook::Outcome;

/// What the other hook is called since ours took its name.
const BEFORE_US: &str = "qemu.before-gpupt";

/// The hook that is to run after ours, if we were started under the one name that libvirt knows.
pub(super) fn hook_after(program: Option<&OsString>) -> Option<PathBuf> {
    let program = Path::new(program?);
    let is_the_hook = program.file_name() == Some(OsStr::new("qemu"))
        && program.parent().and_then(Path::file_name) == Some(OsStr::new("hooks"));
    let other = is_the_hook.then(|| program.with_file_name(BEFORE_US))?;
    is_run_by_libvirt(&other).then_some(other)
}

/// libvirt passes over a hook that nobody may execute, and so do we.
fn is_run_by_libvirt(hook: &Path) -> bool {
    let facts = hook.metadata();
    facts.is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// Runs the other hook. It reads what libvirt gave us, or what we made of it, and prints for both of
/// us; should it print nothing, ours stands.
#[expect(
    clippy::disallowed_methods,
    reason = "the other hook is a program of this machine"
)]
pub(super) fn run(
    hook: &Path,
    words: &[OsString],
    ours: Outcome,
    xml: Vec<u8>,
    ended: ExitCode,
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
    let Ok(mut child) = command.spawn() else {
        let line = format!("gpupt: {} cannot be started\n", hook.display());
        let _ = std::io::stderr().write_all(line.as_bytes());
        return ExitCode::FAILURE;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // One that reads nothing has read enough.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let Ok(output) = child.wait_with_output() else {
        return ExitCode::FAILURE;
    };
    let said = if output.stdout.is_empty() {
        own.unwrap_or_default()
    } else {
        output.stdout
    };
    let _ = std::io::stdout().write_all(&said);
    match output.status.code() {
        Some(0) => ended,
        Some(code) => u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from),
        None => ExitCode::FAILURE,
    }
}
