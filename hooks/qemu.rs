//! libvirt's hook for QEMU guests: `qemu NAME OPERATION SUBOPERATION EXTRA < domain.xml`.
//!
//! Before a guest starts it refuses what cannot work, with a sentence that `virsh start` shows; in
//! every other operation it does nothing. libvirtd waits for it at each step of every guest: it
//! never calls libvirt, never prints to standard output, and ends at a deadline.
#![forbid(unsafe_code)]

use std::env;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use gpupt::Settings;
use gpupt::domain_xml::{BYTES_MAX, claimed_functions};
use gpupt::host::Machine;
use gpupt::pci::PciAddress;

/// libvirt writes the domain XML at once; who has written nothing by then will not.
const STDIN_DEADLINE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let mut words = env::args_os().skip(1);
    let (guest, operation) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    if operation != "prepare" {
        return ExitCode::SUCCESS;
    }
    let root = env::var_os("GPUPT_ROOT").filter(|root| !root.is_empty());
    let root = root.unwrap_or_else(|| OsString::from("/"));
    let refusal = domain_xml().and_then(|xml| refusal(&xml, &Machine::at(root)));
    match refusal {
        None => ExitCode::SUCCESS,
        Some(why) => {
            let line = format!(
                "gpupt: guest {} cannot start: {why}\n",
                guest.to_string_lossy().escape_debug()
            );
            // The exit code refuses even if nobody can be told why.
            let _ = io::stderr().write_all(line.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// What stands on standard input; nothing when it does not end in time, or cannot be read.
fn domain_xml() -> Option<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    let reader = thread::Builder::new().spawn(move || {
        let mut xml = Vec::new();
        let read = io::stdin()
            .lock()
            .take(BYTES_MAX as u64 + 1)
            .read_to_end(&mut xml);
        // Nobody waits any more when the deadline has passed.
        let _ = sender.send(read.map(|_| xml));
    });
    reader.ok()?;
    receiver.recv_timeout(STDIN_DEADLINE).ok()?.ok()
}

/// Why the guest of this XML cannot start here, as far as its cards are concerned. What cannot be
/// found out is no reason.
fn refusal(xml: &[u8], machine: &Machine) -> Option<String> {
    let claimed = claimed_functions(xml)
        .ok()
        .filter(|functions| !functions.is_empty())?;
    let vendors = Settings::of(machine).ok()?.vendors;
    let cards = machine.cards(&vendors).ok()?;
    let is_stuck = |function: &&PciAddress| {
        cards.iter().any(|card| card.has(**function))
            && machine
                .iommu_group(**function)
                .is_ok_and(|group| group.is_none())
    };
    let function = claimed.iter().find(is_stuck)?;
    Some(format!(
        "its card {function} has no IOMMU group, so no guest can have it; enable VT-d or AMD-Vi in \
         the firmware, boot this host with intel_iommu=on or amd_iommu=on, then start the guest again."
    ))
}
