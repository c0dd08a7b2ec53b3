//! Where things are on a machine. `host::Machine` puts its root before each.

/// PCI functions (`Documentation/ABI/testing/sysfs-bus-pci`).
pub const PCI_DEVICES: &str = "/sys/bus/pci/devices";
/// PCI drivers, each with `bind` and `unbind`.
pub const PCI_DRIVERS: &str = "/sys/bus/pci/drivers";
/// Makes the kernel look for a driver for the function that is written there.
pub const PCI_DRIVERS_PROBE: &str = "/sys/bus/pci/drivers_probe";
/// Mediated devices.
pub const MDEV_DEVICES: &str = "/sys/bus/mdev/devices";
/// IOMMU groups.
pub const IOMMU_GROUPS: &str = "/sys/kernel/iommu_groups";
/// IOMMUs.
pub const IOMMUS: &str = "/sys/class/iommu";
/// ACPI tables of the firmware.
pub const ACPI_TABLES: &str = "/sys/firmware/acpi/tables";
/// Consoles of the host.
pub const VTCONSOLES: &str = "/sys/class/vtconsole";
/// Framebuffers.
pub const GRAPHICS: &str = "/sys/class/graphics";
/// The compute node that all AMD cards share.
pub const KFD: &str = "/dev/kfd";
/// Group nodes of VFIO: `/dev/vfio/17`.
pub const VFIO_NODES: &str = "/dev/vfio";
/// The program that runs.
pub const SELF_EXE: &str = "/proc/self/exe";
/// Which boot this is.
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The name of this host.
pub const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// Names of other hosts.
pub const HOSTS: &str = "/etc/hosts";
/// Overrides that driverctl sets at boot, a file for each function.
pub const DRIVERCTL: &str = "/etc/driverctl.d";
/// Where systemd runs.
pub const SYSTEMD: &str = "/run/systemd/system";
/// Where SELinux is on.
pub const SELINUX: &str = "/sys/fs/selinux/enforce";
/// The journal's socket.
pub const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";
/// The socket of syslog.
pub const SYSLOG_SOCKET: &str = "/dev/log";
/// Reads the journal.
pub const JOURNALCTL: &str = "/usr/bin/journalctl";

/// The settings.
pub const SETTINGS: &str = "/etc/gpupt.toml";
/// What holds until the next boot.
pub const RUN: &str = "/run/gpupt";
/// One command at a time changes cards.
pub const LOCK: &str = "/run/gpupt/lock";
/// What each card had before it was detached, a file for each.
pub const CARD_RECORDS: &str = "/run/gpupt/cards";
/// How the last start of each guest went.
pub const STARTS: &str = "/run/gpupt/guests";
/// When libvirt ran the hook last.
pub const HOOK_SEEN: &str = "/run/gpupt/hook-seen";
/// What outlives a boot.
pub const STATE: &str = "/var/lib/gpupt";
/// The names of the cards.
pub const CARD_NAMES: &str = "/var/lib/gpupt/cards.json";
/// The cluster's tables where there is no Rocks.
pub const EMBEDDED_DATABASE: &str = "/var/lib/gpupt/cluster.db";
/// The folders that `gpupci hook install` made, one a line.
pub const MADE_FOLDERS: &str = "/var/lib/gpupt/hook-folders";
/// The hook's program, where packages put it.
pub const HOOK_PROGRAM: &str = "/usr/lib/gpupt/qemu-hook";
/// The hook asks it about the cluster. AppArmor lets a hook run what is in /usr/bin, and little else.
pub const GPUPCI: &str = "/usr/bin/gpupci";
/// Tests answer here for the kernel of a tree of files.
pub const KERNEL_SOCKET: &str = "/kernel.sock";

/// Where libvirt keeps its settings: without it there is no libvirt.
pub const LIBVIRT: &str = "/etc/libvirt";
/// Definitions of guests.
pub const GUEST_DEFINITIONS: &str = "/etc/libvirt/qemu";
/// Process ids of the guests that run.
pub const RUNNING_GUESTS: &str = "/run/libvirt/qemu";
/// What QEMU said, a log for each guest.
pub const QEMU_LOGS: &str = "/var/log/libvirt/qemu";
/// Asks libvirt.
pub const VIRSH: &str = "/usr/bin/virsh";
/// Where libvirt looks for hooks.
pub const HOOKS: &str = "/etc/libvirt/hooks";
/// The one hook that every libvirt runs.
pub const HOOK: &str = "/etc/libvirt/hooks/qemu";
/// The hook that was there before ours; ours runs it.
pub const HOOK_BEFORE: &str = "/etc/libvirt/hooks/qemu.before-gpupt";
/// The folder in which libvirt from 6.5.0 on runs every executable file.
pub const HOOK_FOLDER: &str = "/etc/libvirt/hooks/qemu.d";
/// Our hook in that folder.
pub const HOOK_IN_FOLDER: &str = "/etc/libvirt/hooks/qemu.d/gpupt";
/// The hook while it is written: libvirt runs nothing of this name.
pub const HOOK_NEW: &str = "/etc/libvirt/hooks/gpupt.new";
/// A hook that is replaced or removed, until all steps are done; a number follows.
pub const HOOK_OLD: &str = "/etc/libvirt/hooks/gpupt.old-";

/// Where it is, this host is part of a Rocks cluster.
pub const ROCKS: &str = "/opt/rocks/bin/rocks";
/// The socket of Rocks' MySQL, on the frontend.
pub const ROCKS_SOCKET: &str = "/var/opt/rocks/mysql/mysql.sock";
/// Rocks' Python libraries.
pub const ROCKS_LIBRARIES: &str = "/opt/rocks/lib";
/// The address of the frontend.
pub const ROCKS_FRONTEND: &str = "/var/cluster/frontend";
