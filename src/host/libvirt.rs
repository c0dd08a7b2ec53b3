//! Reads libvirt's guests: their definitions, and whether they run.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::binding::ActError;
use crate::domain_xml::{BYTES_MAX, GuestIdentity, guest_identity};
use crate::host::Machine;
use crate::host::kernel::run_with_deadline;
use crate::paths::{GUEST_DEFINITIONS, RUNNING_GUESTS, VIRSH};
use crate::uuid::GuestUuid;

/// libvirt answers at once, or waits for another job.
const STATE_DEADLINE: Duration = Duration::from_secs(5);

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

/// A guest that is defined in libvirt.
#[derive(Clone, Debug)]
pub struct GuestDefinition {
    /// Its name and uuid.
    pub identity: GuestIdentity,
    /// Its domain XML.
    pub xml: Vec<u8>,
}

impl Machine {
    /// The definition of the guest with this name or uuid.
    pub fn definition(&self, guest: &str) -> Option<GuestDefinition> {
        let uuid: Option<GuestUuid> = guest.parse().ok();
        let names = self.children(GUEST_DEFINITIONS);
        let files = names.iter().filter(|name| name.ends_with(".xml"));
        let mut definitions = files.filter_map(|name| {
            let path = self.path(format!("{GUEST_DEFINITIONS}/{name}"));
            let is_sane =
                fs::metadata(&path).is_ok_and(|f| f.is_file() && f.len() <= BYTES_MAX as u64);
            let xml = is_sane.then(|| fs::read(&path).ok()).flatten()?;
            let identity = guest_identity(&xml)?;
            Some(GuestDefinition { identity, xml })
        });
        definitions.find(|definition| {
            let identity = &definition.identity;
            identity.name == guest || (uuid.is_some() && identity.uuid == uuid)
        })
    }

    /// Whether libvirt runs a guest of this name, by its file of the process id.
    pub fn is_running(&self, guest: &str) -> bool {
        let is_file_name = !guest.contains('/') && !matches!(guest, "" | "." | "..");
        let pid = is_file_name.then(|| self.text(&format!("{RUNNING_GUESTS}/{guest}.pid")));
        let pid: Option<u32> = pid.flatten().and_then(|pid| pid.trim().parse().ok());
        pid.is_some_and(|pid| self.exists(&format!("/proc/{pid}")))
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
