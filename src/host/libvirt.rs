//! Whether a guest of libvirt runs, and who calls the hook.

use std::fs;
use std::io;
use std::os::unix::process::parent_id;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::binding::ActError;
use crate::host::Machine;
use crate::host::kernel::run_with_deadline;
use crate::paths::{RUNNING_GUESTS, VIRSH};
use crate::uuid::GuestUuid;

/// libvirt answers at once, or waits for another job.
const STATE_DEADLINE: Duration = Duration::from_secs(5);

/// The element with the state is the first of the file.
const STATE_BYTES: u64 = 4096;

/// Counted from field 3, which follows the name.
const START_FIELD: usize = 19;

/// The state of a guest, from libvirt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestState {
    /// It runs, or is about to.
    Running,
    /// It does not run.
    ShutOff,
    /// libvirt does not answer: it does not while a hook of the guest runs.
    NoAnswer,
    /// libvirt is not installed or does not know the guest.
    Unknown,
}

/// How far libvirt is with the process of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestProcess {
    /// There is none.
    None,
    /// Its devices may not be open yet.
    Starting,
    /// It has opened its devices.
    Running,
}

impl Machine {
    /// The QEMU of the guest of this name, by libvirt's files: that of the process id, and the state, which
    /// libvirt writes before the process becomes a QEMU.
    pub fn guest_process(&self, guest: &str) -> GuestProcess {
        if guest.contains('/') || matches!(guest, "" | "." | "..") {
            return GuestProcess::None;
        }
        let file = |kind: &str| format!("{RUNNING_GUESTS}/{guest}.{kind}");
        let pid = self.text(&file("pid"));
        let pid: Option<u32> = pid.and_then(|pid| pid.trim().parse().ok());
        let command = pid.and_then(|pid| self.text(&format!("/proc/{pid}/comm")));
        if !command.is_some_and(|command| command.starts_with("qemu")) {
            return GuestProcess::None;
        }
        match self.read_start(&file("xml"), STATE_BYTES) {
            Ok(state) if !is_starting_up(&String::from_utf8_lossy(&state)) => GuestProcess::Running,
            Err(error) if error.kind() == io::ErrorKind::NotFound => GuestProcess::Running,
            // Who cannot tell waits.
            Ok(_) | Err(_) => GuestProcess::Starting,
        }
    }

    /// How many seconds ago libvirt started the QEMU of a guest that runs.
    pub fn guest_age(&self, guest: &str) -> Option<u64> {
        let file = self.path(format!("{RUNNING_GUESTS}/{guest}.pid"));
        let started = fs::metadata(file).and_then(|facts| facts.modified()).ok()?;
        Some(started.elapsed().ok()?.as_secs())
    }

    /// The process that runs this one, `PID START`: ids are used again.
    pub fn caller(&self) -> Option<String> {
        self.process_mark(&parent_id().to_string())
    }

    /// Whether a process that [`Machine::caller`] named still exists.
    pub fn is_alive(&self, mark: &str) -> bool {
        let pid = mark.split_once(' ').map(|(pid, _)| pid);
        pid.and_then(|pid| self.process_mark(pid)).as_deref() == Some(mark)
    }

    fn process_mark(&self, pid: &str) -> Option<String> {
        let stat = self.text(&format!("/proc/{pid}/stat"))?;
        Some(format!("{pid} {}", start_of(&stat)?))
    }

    /// Whether libvirt runs the guest with this uuid, or is about to. A hook must not call this: libvirt
    /// waits for the hook.
    pub fn guest_state(&self, uuid: &GuestUuid) -> GuestState {
        let Some(virsh) = self.program(VIRSH) else {
            return GuestState::Unknown;
        };
        let mut virsh = Command::new(virsh);
        virsh
            .args(["-q", "-c", "qemu:///system", "domstate", uuid.as_str()])
            .env("LC_ALL", "C")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let output = match run_with_deadline(virsh, STATE_DEADLINE) {
            Ok(output) if output.status.success() => output,
            Err(ActError::Late) => return GuestState::NoAnswer,
            _ => return GuestState::Unknown,
        };
        match String::from_utf8_lossy(&output.stdout).trim() {
            "shut off" | "crashed" => GuestState::ShutOff,
            _ => GuestState::Running,
        }
    }
}

/// When a process started, in ticks since the boot, from its `/proc/PID/stat`: field 22. The name before may hold
/// anything.
pub(super) fn start_of(stat: &str) -> Option<&str> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(START_FIELD)
}

/// Whether the state of a guest is `<domstatus state='paused' reason='starting up' …>`.
fn is_starting_up(text: &str) -> bool {
    let start = text.find("<domstatus ");
    let element = start.and_then(|start| text[start..].split('>').next());
    element.is_some_and(|element| element.contains("reason='starting up'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_starts_up_until_libvirt_writes_another_state() {
        for (text, starts) in [
            (
                "<!-- x --><domstatus state='paused' reason='starting up' pid='7'>\n",
                true,
            ),
            (
                "<domstatus state='running' reason='booted' pid='7'>\n",
                false,
            ),
            ("<domstatus state='paused' reason='user' pid='7'>\n", false),
            (
                "<domstatus state='running'><x reason='starting up'/>",
                false,
            ),
            ("", false),
        ] {
            assert_eq!(is_starting_up(text), starts, "{text}");
        }
    }
}
