//! What this host knows of guests: libvirt's definitions, QEMU's logs, the journal, and what the
//! hook wrote down of their last start.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::binding::ActError;
use crate::domain_xml::{BYTES_MAX, GuestIdentity, guest_identity, is_uuid};
use crate::exit::Exit;
use crate::host::kernel::{finish, finish_fed};
use crate::host::{KeptError, Machine};
use crate::pci::PciSlot;

const DEFINITIONS: &str = "/etc/libvirt/qemu";
const LOGS: &str = "/var/log/libvirt/qemu";
const RUNNING: &str = "/run/libvirt/qemu";
const SEEN: &str = "/run/gpupt/hook-seen";
/// AppArmor lets a hook run what is in /usr/bin, and little else.
const GPUPCI: &str = "/usr/bin/gpupci";
const VIRSH: &str = "/usr/bin/virsh";
/// libvirt answers at once, or waits for somebody.
const STATE_DEADLINE: Duration = Duration::from_secs(5);
/// It asks the database, and that has 5 seconds.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);
const MARK_LASTS: Duration = Duration::from_secs(2);
const STARTS: &str = "/run/gpupt/guests";
const JOURNALCTL: &str = "/usr/bin/journalctl";
/// The end of a log that a start leaves its traces in.
const TAIL: u64 = 64 * 1024;
const JOURNAL_DEADLINE: Duration = Duration::from_secs(5);

/// What the hook said of the last start of a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The guest's name at that time.
    pub guest: String,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why it was refused; nothing when it was not.
    pub refused: Option<String>,
}

/// What libvirt says of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestState {
    /// It runs, or is about to.
    On,
    /// It does not run.
    Off,
    /// libvirt does not answer: as long as a hook of a guest is at work it tells nobody of that guest.
    Silent,
    /// libvirt is not there, or does not know the guest.
    Unknown,
}

/// A guest that libvirt has a definition of.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Which guest.
    pub identity: GuestIdentity,
    /// Its domain XML.
    pub xml: Vec<u8>,
}

impl Machine {
    /// The definition of the guest with this name or uuid.
    pub fn definition(&self, guest: &str) -> Option<Definition> {
        let names = self.children(DEFINITIONS);
        let files = names.iter().filter(|name| name.ends_with(".xml"));
        let mut definitions = files.filter_map(|name| {
            let path = self.path(format!("{DEFINITIONS}/{name}"));
            let is_sane =
                fs::metadata(&path).is_ok_and(|f| f.is_file() && f.len() <= BYTES_MAX as u64);
            let xml = is_sane.then(|| fs::read(&path).ok()).flatten()?;
            let identity = guest_identity(&xml)?;
            Some(Definition { identity, xml })
        });
        definitions.find(|definition| {
            let identity = &definition.identity;
            let uuid = identity.uuid.as_deref();
            identity.name == guest || uuid.is_some_and(|uuid| uuid.eq_ignore_ascii_case(guest))
        })
    }

    /// What the hook wrote down of the last start of the guest with this uuid.
    pub fn last_start(&self, uuid: &str) -> Option<Start> {
        let path = is_uuid(uuid).then(|| format!("{STARTS}/{uuid}.json"))?;
        serde_json::from_str(&self.text(&path)?).ok()
    }

    /// Writes down how a start of the guest with this uuid went.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_start(
        &self,
        uuid: &str,
        guest: &str,
        refused: Option<&str>,
    ) -> Result<(), KeptError> {
        let start = Start {
            guest: guest.to_owned(),
            at: now(),
            refused: refused.map(str::to_owned),
        };
        let text = serde_json::to_string(&start).unwrap_or_default();
        self.keep(STARTS, &format!("{STARTS}/{uuid}.json"), &text)
    }

    /// Whether libvirt runs a guest of this name: it keeps the number of its process.
    pub fn is_running(&self, guest: &str) -> bool {
        let is_file_name = !guest.contains('/') && !matches!(guest, "" | "." | "..");
        let pid = is_file_name.then(|| self.text(&format!("{RUNNING}/{guest}.pid")));
        let pid: Option<u32> = pid.flatten().and_then(|pid| pid.trim().parse().ok());
        pid.is_some_and(|pid| self.exists(&format!("/proc/{pid}")))
    }

    /// Whether libvirt runs the guest with this uuid, or is about to. Never asked by a hook, which libvirt
    /// would wait for in turn.
    pub fn guest_state(&self, uuid: &str) -> GuestState {
        let mut virsh = Command::new(self.path(VIRSH));
        virsh
            .args(["-q", "-c", "qemu:///system", "domstate", uuid])
            .env("LC_ALL", "C")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let output = match finish(virsh, STATE_DEADLINE) {
            Ok(output) if output.status.success() => output,
            Err(ActError::Late) => return GuestState::Silent,
            _ => return GuestState::Unknown,
        };
        match String::from_utf8_lossy(&output.stdout).trim() {
            "shut off" | "crashed" => GuestState::Off,
            _ => GuestState::On,
        }
    }

    /// `xml` as `gpupci splice` gives it for this guest. The XML goes by a pipe: it may hold passwords.
    ///
    /// # Errors
    /// Why there is none.
    pub fn splice(&self, guest: &str, retarget: bool, xml: &[u8]) -> Result<Vec<u8>, String> {
        let mut words = vec!["splice", "--exact"];
        words.extend(retarget.then_some("--retarget"));
        words.extend(["--", guest]);
        let output = self.ask_gpupci(&words, xml)?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(complaint(&output)),
        }
    }

    /// What `gpupci host allows` has against it that this guest gets the cards in `slots`: nothing, or a
    /// sentence.
    ///
    /// # Errors
    /// Why that is not known.
    pub fn given_away(&self, guest: &str, slots: &[PciSlot]) -> Result<Option<String>, String> {
        let slots: Vec<String> = slots.iter().map(PciSlot::to_string).collect();
        let mut words = vec!["host", "allows", "--", guest];
        words.extend(slots.iter().map(String::as_str));
        let output = self.ask_gpupci(&words, &[])?;
        match output.status.code() {
            Some(0) => Ok(None),
            Some(code) if code == i32::from(Exit::Busy.code()) => {
                let said = String::from_utf8_lossy(&output.stdout);
                Ok(Some(said.lines().collect::<Vec<_>>().join("; ")))
            }
            _ => Err(complaint(&output)),
        }
    }

    /// Has `gpupci`, which may ask the database, answer.
    fn ask_gpupci(&self, words: &[&str], input: &[u8]) -> Result<Output, String> {
        let mut gpupci = Command::new(self.path(GPUPCI));
        gpupci.args(words).stdout(Stdio::piped());
        gpupci.stderr(Stdio::piped());
        let output = finish_fed(gpupci, input.to_vec(), ANSWER_DEADLINE);
        output.map_err(|why| format!("{GPUPCI}: {why}"))
    }

    /// Leaves a mark that libvirt has run the hook. One of just now is good enough: every guest waits for
    /// this. An older one may be of the daemon before this one.
    pub fn mark_seen(&self) {
        let mark = fs::metadata(self.path(SEEN)).and_then(|facts| facts.modified());
        let age = mark.ok().and_then(|mark| mark.elapsed().ok());
        if age.is_some_and(|age| age < MARK_LASTS) {
            return;
        }
        // Without it only `gpupci hook status` and `check` know less.
        let _ = self.keep("/run/gpupt", SEEN, &now().to_string());
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        now()
    }

    /// What QEMU said in the last run of a guest that sounds like a failure.
    pub fn qemu_complaints(&self, guest: &str) -> Vec<String> {
        if guest.contains('/') || matches!(guest, "" | "." | "..") {
            return Vec::new();
        }
        let log = self
            .tail(&format!("{LOGS}/{guest}.log"))
            .unwrap_or_default();
        complaints(&log)
    }

    /// What libvirt and the hook said of a guest in the journal since the last boot.
    pub fn journal_of(&self, guest: &str) -> Vec<String> {
        if !self.is_real() || !self.exists(JOURNALCTL) {
            return Vec::new();
        }
        let mut journalctl = Command::new(JOURNALCTL);
        journalctl
            .args(["--no-pager", "-q", "-b", "-n", "500", "-o", "cat"])
            .args(["-t", "gpupt", "-t", "libvirtd", "-t", "virtqemud"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let Ok(output) = finish(journalctl, JOURNAL_DEADLINE) else {
            return Vec::new();
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(guest)).collect();
        last_of(&lines)
    }

    fn tail(&self, path: &str) -> io::Result<String> {
        let mut file = fs::File::open(self.path(path))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Start {
    /// How long ago it was, in words.
    pub fn age(&self) -> String {
        let seconds = now().saturating_sub(self.at);
        match seconds {
            0..120 => format!("{seconds} s ago"),
            120..7200 => format!("{} min ago", seconds / 60),
            7200..172_800 => format!("{} h ago", seconds / 3600),
            _ => format!("{} days ago", seconds / 86_400),
        }
    }
}

/// What a program said that failed: its first line.
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    match said.lines().next() {
        Some(line) => line.to_owned(),
        None => format!("{GPUPCI}: {}", output.status),
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The lines of the last run in a log of libvirt's that QEMU wrote of its own accord, or that tell
/// how it ended.
fn complaints(log: &str) -> Vec<String> {
    let lines: Vec<&str> = log.lines().collect();
    let start = lines
        .iter()
        .rposition(|line| line.contains("starting up libvirt version"));
    let run = &lines[start.unwrap_or(0)..];
    let complains = |line: &&&str| {
        let line = line.to_ascii_lowercase();
        let is_command = line.starts_with('-') || line.ends_with('\\');
        !is_command
            && ["qemu-system", "qemu-kvm:", "vfio", "error"]
                .iter()
                .any(|word| line.contains(word) && !line.contains("starting up"))
    };
    let found: Vec<&str> = run.iter().filter(complains).copied().collect();
    last_of(&found)
}

fn last_of(lines: &[&str]) -> Vec<String> {
    const MANY: usize = 5;
    let start = lines.len().saturating_sub(MANY);
    lines[start..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn only_the_last_run_complains() {
        let log = "2026-01-01 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
            2026-01-01T10:00:01Z qemu-system-x86_64: an old error\n\
            2026-01-02 10:00:00.000+0000: starting up libvirt version: 9.0.0\n\
            LC_ALL=C \\\n\
            /usr/bin/qemu-system-x86_64 \\\n\
            -device '{\"driver\":\"vfio-pci\",\"host\":\"0000:04:00.0\"}' \\\n\
            -msg timestamp=on\n\
            2026-01-02T10:00:01Z qemu-system-x86_64: vfio 0000:04:00.0: group 17 is not viable\n\
            Please ensure all devices within the iommu_group are bound to their vfio bus driver.\n\
            2026-01-02 10:00:02.000+0000: shutting down, reason=failed\n";
        assert_eq!(
            complaints(log),
            [
                "2026-01-02T10:00:01Z qemu-system-x86_64: vfio 0000:04:00.0: group 17 is not viable",
                "Please ensure all devices within the iommu_group are bound to their vfio bus driver.",
            ]
        );
        assert_eq!(complaints(""), [""; 0]);
    }
}
