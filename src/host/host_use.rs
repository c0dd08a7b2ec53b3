//! The host's use of a function: mounted file systems, swap, what is built on its disks, default routes.
//!
//! The kernel shows which block devices are built on others (`holders`), but not who else has claimed a disk. What
//! takes disks without a link (btrfs, ZFS) is looked for by what it shows itself. Not known: what a process
//! does with a raw disk, and the host of an iSCSI or NFS mount that is reached without a default route.

mod disks;
mod networks;

use crate::binding::HostUse;
use crate::host::Machine;
use crate::pci::PciAddress;

impl Machine {
    /// What the host uses `function` for.
    pub fn host_uses(&self, function: PciAddress) -> Vec<HostUse> {
        let mut host_uses = self.uses_of_disks(function);
        host_uses.extend(self.default_routes(function));
        host_uses
    }
}
