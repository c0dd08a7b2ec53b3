//! The host's use of a function: mounted file systems, swap, what is built on its disks, default routes.
//!
//! The kernel shows which block devices are built on others (`holders`), but not who else has claimed a disk. What
//! takes disks without a link (btrfs, ZFS) is looked for by what it shows itself. Not known: what a process
//! does with a raw disk, and the host of an iSCSI or NFS mount that is reached without a default route.

mod disks;
mod networks;

pub(super) use disks::mount;

use crate::binding::{Binding, HostUse};
use crate::host::Machine;

impl Machine {
    /// What the host uses a function for: nothing while it is on VFIO. Then it has no disk and no interface, and
    /// a start should not wait for a look at all of them.
    pub fn host_uses(&self, now: &Binding) -> Vec<HostUse> {
        if now.is_vfio {
            return Vec::new();
        }
        let mut host_uses = self.uses_of_disks(now.function);
        host_uses.extend(self.default_routes(now.function));
        host_uses
    }
}
