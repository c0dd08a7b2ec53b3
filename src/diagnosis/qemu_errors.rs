//! What the errors of QEMU about devices of the host mean, and what to do.

use crate::diagnosis::qemu_words::QemuError;
use crate::failure::Code;

/// An error of QEMU whose meaning is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownError {
    /// Which one.
    pub error: QemuError,
    /// The codes of refusals that explain it.
    pub codes: &'static [Code],
    /// The topic of a finding that explains it.
    pub topic: Option<&'static str>,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The known error in a line of QEMU's log.
pub fn known_error(line: &str) -> Option<&'static KnownError> {
    let error = QemuError::in_line(line)?;
    KNOWN_ERRORS.iter().find(|known| known.error == error)
}

const DMESG: &str =
    "run `dmesg | grep -e vfio -e DMAR -e iommu` for the kernel's reason, and `gpupci check`";

/// The known errors.
pub const KNOWN_ERRORS: &[KnownError] = &[
    KnownError {
        error: QemuError::NotViable,
        codes: &[Code::Group],
        topic: None,
        meaning: "another device of the card's IOMMU group was on a host driver",
        remedy: "`gpupci groups` shows the group; give its other devices to the same guest, or move the card",
    },
    KnownError {
        error: QemuError::NotPermitted,
        codes: &[Code::ReservedRegion],
        topic: Some("interrupt-remapping"),
        meaning: "the kernel gives the card's IOMMU group to no guest: the firmware keeps memory of a device in it \
                  (RMRR), or interrupt remapping is off",
        remedy: DMESG,
    },
    KnownError {
        error: QemuError::NotAttached,
        codes: &[Code::ReservedRegion],
        topic: None,
        meaning: "the kernel did not let VFIO have the card's IOMMU group: the firmware may ask for a 1:1 mapping of \
                  memory for a device in it",
        remedy: DMESG,
    },
    KnownError {
        error: QemuError::NoVfio,
        codes: &[Code::NoStubDriver],
        topic: Some("vfio"),
        meaning: "the module vfio was not loaded, or QEMU could not open /dev/vfio/vfio",
        remedy: "run `modprobe vfio-pci`, then start the guest again; `ls -l /dev/vfio` shows the nodes",
    },
    KnownError {
        error: QemuError::GroupBusy,
        codes: &[Code::Held, Code::Busy],
        topic: None,
        meaning: "another process had the card's IOMMU group open, usually the QEMU of another guest",
        remedy: "`gpupci groups` shows the guest of each device; shut that guest down",
    },
    KnownError {
        error: QemuError::NoGroupNode,
        codes: &[Code::NoStubDriver, Code::Driverctl],
        topic: Some("vfio"),
        meaning: "the card was not on vfio-pci when QEMU opened it",
        remedy: "use managed='yes' in its <hostdev>, or run `gpupci detach` before the start; `gpupci hook status` \
                 tells whether the hook prepares guests",
    },
    KnownError {
        error: QemuError::GroupForbidden,
        codes: &[],
        topic: None,
        meaning: "QEMU may not open the card's group: its user, the cgroup or AppArmor or SELinux forbids it",
        remedy: "claim the card by a <hostdev> and not by <qemu:arg>, so that libvirt permits it; `dmesg | grep -e \
                 apparmor -e avc` shows a denial",
    },
    KnownError {
        error: QemuError::NoDevice,
        codes: &[Code::NoDevice],
        topic: None,
        meaning: "the device that the guest's XML names was not on this host",
        remedy: "run `gpupci list`, then correct the guest's cards",
    },
    KnownError {
        error: QemuError::NoGroup,
        codes: &[Code::NoIommuGroup],
        topic: None,
        meaning: "the device has no IOMMU group: the IOMMU is off, or does not cover this slot",
        remedy: "run `gpupci check`, and do what its first FAIL says",
    },
    KnownError {
        error: QemuError::AlreadyAttached,
        codes: &[],
        topic: None,
        meaning: "the guest's XML names the same device twice",
        remedy: "remove one of the two with `virsh edit`; look at <qemu:arg> too",
    },
    KnownError {
        error: QemuError::NoDeviceOfGroup,
        codes: &[Code::Held, Code::Busy, Code::Group],
        topic: None,
        meaning: "the card was not on its VFIO driver, or another process used it",
        remedy: "run `gpupci list -v` to see its driver and its users",
    },
    KnownError {
        error: QemuError::NoIommuModel,
        codes: &[],
        topic: None,
        meaning: "the module vfio_iommu_type1 was not loaded",
        remedy: "run `modprobe vfio_iommu_type1`, then start the guest again",
    },
    KnownError {
        error: QemuError::AddressSpaces,
        codes: &[],
        topic: None,
        meaning: "the guest has a virtual IOMMU, and devices of one IOMMU group of the host are in different slots \
                  of it",
        remedy: "put all functions of the card into one slot of the guest behind a pcie-to-pci-bridge, or remove \
                 <iommu> from its XML",
    },
    KnownError {
        error: QemuError::LockedMemory,
        codes: &[],
        topic: None,
        meaning: "QEMU may not lock the guest's memory: a card needs all of it locked, and the limit is lower",
        remedy: "with `virsh edit`, set <memtune><hard_limit> to the guest's memory plus 1 GiB; check `free -m`",
    },
    KnownError {
        error: QemuError::MappedMemory,
        codes: &[Code::ReservedRegion],
        topic: None,
        meaning: "the IOMMU cannot map the guest's memory where the guest has it: the address is too high for it, or \
                  reserved",
        remedy: "give the guest fewer address bits (<maxphysaddr mode='emulate' bits='39'/>) or less memory",
    },
    KnownError {
        error: QemuError::GuestMemory,
        codes: &[],
        topic: None,
        meaning: "this host has not enough free memory for the guest",
        remedy: "free memory or huge pages (`free -m`), or give the guest less <memory>",
    },
    KnownError {
        error: QemuError::RomFile,
        codes: &[],
        topic: None,
        meaning: "the ROM file that the guest's XML names (<rom file='…'/>) is not there, or QEMU cannot use it",
        remedy: "correct or remove <rom file='…'/> with `virsh edit`; libvirt's guests read files below \
                 /usr/share and /var/lib/libvirt",
    },
    KnownError {
        error: QemuError::BarBusy,
        codes: &[Code::Console],
        topic: Some("console"),
        meaning: "something else uses the card's memory, usually the firmware's framebuffer: the guest's screen stays \
                  black",
        remedy: "run `gpupci check`; make another card the boot display, or boot with \
                 initcall_blacklist=sysfb_init, after which the host may have no screen",
    },
    KnownError {
        error: QemuError::StuckInD3,
        codes: &[],
        topic: Some("power"),
        meaning: "the card was powered off and did not wake up",
        remedy: "reboot this host; if it comes again, set disable_idle_d3=1 for vfio-pci (`gpupci check` says \
                 where, if the card is powered off)",
    },
    KnownError {
        error: QemuError::NoReset,
        codes: &[],
        topic: Some("reset"),
        meaning: "the kernel could not reset the card, so it may not work in its next guest",
        remedy: "reboot this host; give all devices of the card's slot to the same guest",
    },
    KnownError {
        error: QemuError::EndedByLibvirt,
        codes: &[],
        topic: None,
        meaning: "libvirt ended the start before QEMU ran",
        remedy: "see what libvirt said: journalctl -u libvirtd -u virtqemud",
    },
];
