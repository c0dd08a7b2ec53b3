//! Systems whose packages, initramfs or kernel command line are part of an image: the usual commands
//! have no effect there, or none that lasts.

use crate::readiness::Programs;

/// How such a system is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageSystem {
    /// `rpm-ostree` layers packages and rebuilds the initramfs: Fedora Atomic, CoreOS, Silverblue.
    RpmOstree,
    /// The image is built elsewhere, from a Containerfile (bootc).
    Bootc,
    /// `transactional-update` changes a snapshot for the next boot: openSUSE MicroOS, SLE Micro.
    TransactionalUpdate,
    /// All is in the configuration of NixOS.
    NixOs,
    /// Unraid loads its root file system from a USB drive at each boot.
    Unraid,
}

/// The files that tell such a system from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageMarks {
    /// `/run/ostree-booted`, which ostree makes at boot (ostree(1)).
    pub is_ostree: bool,
    /// `/etc/NIXOS`, by which `nixos-rebuild` knows NixOS.
    pub is_nixos: bool,
    /// `/etc/unraid-version`.
    pub is_unraid: bool,
    /// Whether os-release names a system of SUSE that is only changed by transactions.
    pub is_transactional: bool,
}

pub(super) const PROGRAMS: [&str; 2] = ["rpm-ostree", "transactional-update"];

impl ImageSystem {
    /// All kinds, each with what tells it from the others.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::NixOs, "`/etc/NIXOS`"),
        (Self::Unraid, "`/etc/unraid-version`"),
        (Self::RpmOstree, "`/run/ostree-booted`, `rpm-ostree`"),
        (Self::Bootc, "`/run/ostree-booted`, no `rpm-ostree`"),
        (Self::TransactionalUpdate, "`transactional-update`"),
    ];

    /// The kind of the host's system; `None` if packages are installed into the running system.
    pub fn of(marks: ImageMarks, programs: &Programs) -> Option<Self> {
        if marks.is_nixos {
            Some(Self::NixOs)
        } else if marks.is_unraid {
            Some(Self::Unraid)
        } else if marks.is_ostree && programs.may_have("rpm-ostree") {
            Some(Self::RpmOstree)
        } else if marks.is_ostree {
            Some(Self::Bootc)
        } else if programs.has("transactional-update") || marks.is_transactional {
            Some(Self::TransactionalUpdate)
        } else {
            None
        }
    }

    /// How to add libvirt and QEMU.
    pub fn libvirt(self) -> &'static str {
        match self {
            Self::RpmOstree => "run `rpm-ostree install libvirt-daemon-kvm qemu-kvm`, then reboot",
            Self::Bootc => {
                "add libvirt and QEMU to the image (a `RUN` line of its Containerfile), update this host \
                 to it, then reboot"
            }
            Self::TransactionalUpdate => {
                "run `transactional-update pkg install libvirt-daemon-qemu qemu-kvm`, then reboot"
            }
            Self::NixOs => {
                "set `virtualisation.libvirtd.enable = true;` in the configuration of NixOS, then run \
                 `nixos-rebuild switch`"
            }
            Self::Unraid => "enable VMs in Unraid's web interface (Settings, VM Manager)",
        }
    }

    /// How to get the modules of the kernel.
    pub fn modules(self) -> &'static str {
        match self {
            Self::RpmOstree => "update this host to an image with that module, then reboot",
            Self::Bootc => {
                "add the kernel's modules to the image (its Containerfile), update this host to it, then \
                 reboot"
            }
            Self::TransactionalUpdate => {
                "install the modules of the kernel with `transactional-update pkg install`, then reboot"
            }
            Self::NixOs => {
                "choose a kernel with that module (`boot.kernelPackages`), run `nixos-rebuild boot`, then \
                 reboot"
            }
            Self::Unraid => "install a version of Unraid whose kernel has that module",
        }
    }

    /// How to rebuild the initramfs, and where that is documented.
    pub fn rebuild(self) -> (&'static str, &'static str) {
        match self {
            Self::RpmOstree => (
                "run `rpm-ostree initramfs --enable` (if that is enabled already, `rpm-ostree upgrade` \
                 rebuilds it)",
                "rpm-ostree(1)",
            ),
            Self::Bootc => (
                "rebuild the initramfs in the image (a `RUN dracut` line of its Containerfile), update \
                 this host to it",
                "bootc documentation, \"Initramfs\"",
            ),
            Self::TransactionalUpdate => (
                "run `transactional-update initrd`",
                "transactional-update(8)",
            ),
            Self::NixOs => ("run `nixos-rebuild boot`", "nixos-rebuild(8)"),
            Self::Unraid => (
                "keep the file in /boot/config/modprobe.d (Unraid has no initramfs to rebuild)",
                "Unraid documentation",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn image_based_system_is_known_by_its_own_files() {
        let ostree = ImageMarks {
            is_ostree: true,
            ..ImageMarks::default()
        };
        let nixos = ImageMarks {
            is_nixos: true,
            ..ImageMarks::default()
        };
        let plain = ImageMarks::default();
        for (marks, programs, system) in [
            (plain, Programs::of(["rpm-ostree", "bootc"]), None),
            (
                ostree,
                Programs::of(["rpm-ostree", "bootc"]),
                Some(ImageSystem::RpmOstree),
            ),
            (ostree, Programs::default(), Some(ImageSystem::RpmOstree)),
            (ostree, Programs::of(["bootc"]), Some(ImageSystem::Bootc)),
            (nixos, Programs::default(), Some(ImageSystem::NixOs)),
            (
                plain,
                Programs::of(["transactional-update"]),
                Some(ImageSystem::TransactionalUpdate),
            ),
            (plain, Programs::default(), None),
        ] {
            assert_eq!(ImageSystem::of(marks, &programs), system, "{marks:?}");
        }
    }
}
