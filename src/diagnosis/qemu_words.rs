//! The words by which errors of QEMU about devices of the host are known. They are from QEMU's `hw/vfio` and
//! `hw/pci`, from Linux' `drivers/vfio`, and one from libvirt.

/// An error of QEMU about a device of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QemuError {
    /// A group is not viable.
    NotViable,
    /// VFIO may not have a group (EPERM).
    NotPermitted,
    /// VFIO cannot have a group (EINVAL).
    NotAttached,
    /// VFIO's own node cannot be opened.
    NoVfio,
    /// A group is open already.
    GroupBusy,
    /// A group has no node.
    NoGroupNode,
    /// QEMU may not open a group.
    GroupForbidden,
    /// There is no such device.
    NoDevice,
    /// A device has no group.
    NoGroup,
    /// A device is given twice.
    AlreadyAttached,
    /// A group does not give the device.
    NoDeviceOfGroup,
    /// There is no type of IOMMU.
    NoIommuModel,
    /// One group is in several address spaces of the guest.
    AddressSpaces,
    /// Memory cannot be locked.
    LockedMemory,
    /// Memory cannot be mapped.
    MappedMemory,
    /// There is no memory for the guest.
    GuestMemory,
    /// The ROM file cannot be used.
    RomFile,
    /// A BAR is in use.
    BarBusy,
    /// The device does not wake up.
    StuckInD3,
    /// The device cannot be reset.
    NoReset,
    /// libvirt ended the start, before its child became QEMU.
    EndedByLibvirt,
}

impl QemuError {
    /// The error in a line of QEMU's log: the first one of which the line has all words.
    pub fn in_line(line: &str) -> Option<Self> {
        let line = line.to_ascii_lowercase();
        let has_all = |words: &[&str]| words.iter().all(|word| line.contains(word));
        let mut errors = WORDS.iter();
        let found = errors.find(|(_, words)| has_all(words));
        found.map(|(error, _)| *error)
    }
}

/// The words of each error, in lower case.
const WORDS: &[(QemuError, &[&str])] = &[
    // vfio_get_group(), and the kernel's vfio_dev_viable() or iommu_group_claim_dma_owner().
    (QemuError::NotViable, &["is not viable"]),
    (
        QemuError::NotViable,
        &["all devices within the iommu_group are bound"],
    ),
    // vfio_iommu_type1_attach_group() without interrupt remapping; intel-iommu's device_is_rmrr_locked().
    (
        QemuError::NotPermitted,
        &["set iommu", "operation not permitted"],
    ),
    (QemuError::NotPermitted, &["no interrupt remapping"]),
    // __iommu_attach_device() for a domain without the regions that `require_direct` asks for.
    (QemuError::NotAttached, &["set iommu", "invalid argument"]),
    // vfio_connect_container(): the node of VFIO itself.
    (QemuError::NoVfio, &["failed to open /dev/vfio/vfio"]),
    // vfio_get_group(), and the kernel's vfio_group_fops_open(): a group is opened once.
    (
        QemuError::GroupBusy,
        &["failed to open /dev/vfio/", "resource busy"],
    ),
    (
        QemuError::NoGroupNode,
        &["failed to open /dev/vfio/", "no such file"],
    ),
    (
        QemuError::GroupForbidden,
        &["failed to open /dev/vfio/", "permission denied"],
    ),
    // vfio_realize() of hw/vfio/pci.c.
    (QemuError::NoDevice, &["no such host device"]),
    (QemuError::NoGroup, &["no iommu_group found"]),
    (QemuError::AlreadyAttached, &["device is already attached"]),
    // vfio_get_device().
    (
        QemuError::NoDeviceOfGroup,
        &["error getting device from group"],
    ),
    (QemuError::NoDeviceOfGroup, &["verify all devices in group"]),
    // vfio_get_iommu_type(): none of the types is there without vfio_iommu_type1.
    (QemuError::NoIommuModel, &["no available iommu models"]),
    // vfio_get_group() with a virtual IOMMU.
    (
        QemuError::AddressSpaces,
        &["used in multiple address spaces"],
    ),
    // vfio_dma_map(), and the kernel's vfio_lock_acct() and vfio_iommu_iova_dma_valid().
    (
        QemuError::LockedMemory,
        &["dma_map", "cannot allocate memory"],
    ),
    (
        QemuError::LockedMemory,
        &["map_dma", "cannot allocate memory"],
    ),
    (QemuError::MappedMemory, &["dma_map", "invalid argument"]),
    (QemuError::MappedMemory, &["map_dma", "invalid argument"]),
    // QEMU's memory backends.
    (QemuError::GuestMemory, &["cannot set up guest memory"]),
    // pci_add_option_rom().
    (QemuError::RomFile, &["failed to find romfile"]),
    (QemuError::RomFile, &["romfile", "is empty"]),
    (QemuError::RomFile, &["romfile", "too large"]),
    // vfio_region_mmap(), and the kernel's pci_request_selected_regions() in vfio_pci_core_mmap().
    (
        QemuError::BarBusy,
        &["failed to mmap", "performance may be slow"],
    ),
    (QemuError::BarBusy, &["can't reserve"]),
    // vfio_pci_pre_reset() and vfio_pci_hot_reset().
    (QemuError::StuckInD3, &["stuck in d3"]),
    (QemuError::NoReset, &["cannot reset device"]),
    // libvirt's virExec(): the child waits for libvirt before it becomes QEMU.
    (QemuError::EndedByLibvirt, &["quit during handshake"]),
];
