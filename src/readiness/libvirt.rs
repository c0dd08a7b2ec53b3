//! The finding about a host without libvirt.

use crate::readiness::{Blocks, Finding, HostFacts};

const TOPIC: &str = "libvirt";

/// Packages of libvirt would take the place of Proxmox's own QEMU. Its guests get cards without the hook.
pub(super) fn missing(facts: &HostFacts) -> Finding {
    if facts.distribution.is_proxmox() {
        let finding = Finding::fail(
            TOPIC,
            "Proxmox starts guests without libvirt, so gpupt's hook does not run here: guests start \
             without their cards being checked",
            "bind the cards of a guest before Proxmox starts it; do not install libvirt, whose \
             packages replace Proxmox's own QEMU",
        );
        return finding.blocking(Blocks::Nothing);
    }
    let remedy = match facts.image {
        Some(image) => image.libvirt(),
        None => facts.distribution.libvirt(facts.platform.processor),
    };
    Finding::fail(
        TOPIC,
        "libvirt is not installed (there is no /etc/libvirt), so this host cannot start guests",
        remedy,
    )
}
