//! The absolute paths that gpupt uses. `host::Machine` puts its root before each.

/// PCI functions (`Documentation/ABI/testing/sysfs-bus-pci`).
pub const PCI_DEVICES: &str = "/sys/bus/pci/devices";
/// PCI drivers, each with `bind` and `unbind`.
pub const PCI_DRIVERS: &str = "/sys/bus/pci/drivers";
/// Makes the kernel probe for a driver for the function whose address is written to it.
pub const PCI_DRIVERS_PROBE: &str = "/sys/bus/pci/drivers_probe";
/// Mediated devices.
pub const MDEV_DEVICES: &str = "/sys/bus/mdev/devices";
/// IOMMU groups.
pub const IOMMU_GROUPS: &str = "/sys/kernel/iommu_groups";
/// IOMMUs.
pub const IOMMUS: &str = "/sys/class/iommu";
/// The device tree of a board: the folder, and the link to it.
pub const DEVICE_TREES: [&str; 2] = ["/sys/firmware/devicetree/base", "/proc/device-tree"];
/// ACPI tables of the firmware.
pub const ACPI_TABLES: &str = "/sys/firmware/acpi/tables";
/// Consoles of the host.
pub const VTCONSOLES: &str = "/sys/class/vtconsole";
/// Devices that are on no bus, such as the firmware's framebuffer.
pub const PLATFORM_DEVICES: &str = "/sys/devices/platform";
/// Who has which range of the memory of devices.
pub const IO_MEMORY: &str = "/proc/iomem";
/// Network interfaces, each with links to what is built on it (`upper_*`).
pub const NETWORKS: &str = "/sys/class/net";
/// Disks and partitions, each with links to what is built on it (`holders`).
pub const BLOCK_DEVICES: &str = "/sys/class/block";
/// NVMe subsystems, each with its controllers.
pub const NVME_SUBSYSTEMS: &str = "/sys/class/nvme-subsystem";
/// Each mounted btrfs, with its disks.
pub const BTRFS: &str = "/sys/fs/btrfs";
/// Each imported ZFS pool.
pub const ZFS_POOLS: &str = "/proc/spl/kstat/zfs";
/// What udev knows of devices.
pub const UDEV_DATA: &str = "/run/udev/data";
/// Framebuffers.
pub const GRAPHICS: &str = "/sys/class/graphics";
/// The device node for compute that all AMD cards share.
pub const KFD: &str = "/dev/kfd";
/// The modules of the installed kernels.
pub const MODULES: &str = "/lib/modules";
/// The modules that are loaded, and built-in ones.
pub const LOADED_MODULES: &str = "/sys/module";
/// The module that all VFIO drivers for PCI share since Linux 5.15.
pub const VFIO_CORE: &str = "/sys/module/vfio_pci_core";
/// The nodes for parts of NVIDIA cards (MIG).
pub const NVIDIA_CAPABILITIES: &str = "/dev/nvidia-caps";
/// The groups that have a node of VFIO, each with its device number.
pub const VFIO_GROUPS: &str = "/sys/class/vfio";
/// Group nodes of VFIO: `/dev/vfio/17`.
pub const VFIO_NODES: &str = "/dev/vfio";
/// The running program.
pub const SELF_EXE: &str = "/proc/self/exe";
/// The id of this boot.
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The release of the running kernel.
pub const KERNEL_RELEASE: &str = "/proc/sys/kernel/osrelease";
/// The name of this host.
pub const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// Static host names.
pub const HOSTS: &str = "/etc/hosts";
/// Overrides that driverctl sets at boot, one file for each function.
pub const DRIVERCTL: &str = "/etc/driverctl.d";
/// Exists if systemd runs.
pub const SYSTEMD: &str = "/run/systemd/system";
/// What logind knows of who sits at the host.
pub const SEATS: &str = "/run/systemd/seats";
/// Exists if SELinux is on.
pub const SELINUX: &str = "/sys/fs/selinux/enforce";
/// The journal's socket.
pub const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";
/// The socket of syslog.
pub const SYSLOG_SOCKET: &str = "/dev/log";
/// Reads the journal.
pub const JOURNALCTL: &str = "/usr/bin/journalctl";

/// The settings.
pub const SETTINGS: &str = "/etc/gpupt.toml";
/// State that is valid until the next boot.
pub const RUN: &str = "/run/gpupt";
/// The lock: one process at a time changes cards.
pub const LOCK: &str = "/run/gpupt/lock";
/// The drivers of each card before it was detached, one file for each card.
pub const CARD_RECORDS: &str = "/run/gpupt/cards";
/// The locks of the writes to cards, one file for each card.
pub const WRITE_LOCKS: &str = "/run/gpupt/writes";
/// The result of the last start of each guest.
pub const STARTS: &str = "/run/gpupt/guests";
/// When libvirt last ran the hook.
pub const HOOK_LAST_RUN: &str = "/run/gpupt/hook-seen";
/// State that survives a boot.
pub const STATE: &str = "/var/lib/gpupt";
/// The names of the cards.
pub const CARD_NAMES: &str = "/var/lib/gpupt/cards.json";
/// The embedded database, used without Rocks.
pub const EMBEDDED_DATABASE: &str = "/var/lib/gpupt/cluster.db";
/// The folders that `gpupci hook install` created, one on each line.
pub const CREATED_FOLDERS: &str = "/var/lib/gpupt/hook-folders";
/// The hook's program, as packages install it.
pub const HOOK_PROGRAM: &str = "/usr/lib/gpupt/qemu-hook";
/// The hook runs it to query the cluster, and to read all processes where AppArmor confines the hook. AppArmor lets
/// hooks run programs in /usr/bin, and few others.
pub const GPUPCI: &str = "/usr/bin/gpupci";
/// The folders of programs, `/run/current-system/sw/bin` on NixOS.
pub const PROGRAM_FOLDERS: [&str; 7] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/run/current-system/sw/bin",
];
/// The socket on which tests play the kernel of a tree of files.
pub const KERNEL_SOCKET: &str = "/kernel.sock";

/// libvirt's configuration: without it libvirt is not installed.
pub const LIBVIRT: &str = "/etc/libvirt";
/// Definitions of guests.
pub const GUEST_DEFINITIONS: &str = "/etc/libvirt/qemu";
/// Process ids of running guests.
pub const RUNNING_GUESTS: &str = "/run/libvirt/qemu";
/// QEMU's logs, one for each guest.
pub const QEMU_LOGS: &str = "/var/log/libvirt/qemu";
/// libvirt's command line.
pub const VIRSH: &str = "/usr/bin/virsh";
/// The folder of libvirt's hooks.
pub const HOOKS: &str = "/etc/libvirt/hooks";
/// The one hook that every libvirt runs.
pub const HOOK: &str = "/etc/libvirt/hooks/qemu";
/// The hook that was installed before ours, which ours runs.
pub const HOOK_BEFORE: &str = "/etc/libvirt/hooks/qemu.before-gpupt";
/// The folder in which libvirt from 6.5.0 on runs every executable file.
pub const HOOK_FOLDER: &str = "/etc/libvirt/hooks/qemu.d";
/// Our hook in that folder.
pub const HOOK_IN_FOLDER: &str = "/etc/libvirt/hooks/qemu.d/gpupt";
/// The hook while it is written: libvirt ignores this name.
pub const HOOK_NEW: &str = "/etc/libvirt/hooks/gpupt.new";
/// A replaced or removed hook until all steps are done; a number follows.
pub const HOOK_OLD: &str = "/etc/libvirt/hooks/gpupt.old-";

/// Exists if this host is part of a Rocks cluster.
pub const ROCKS: &str = "/opt/rocks/bin/rocks";
/// The socket of Rocks' MySQL, on the frontend.
pub const ROCKS_SOCKET: &str = "/var/opt/rocks/mysql/mysql.sock";
/// `gpupci` where Rocks has its own commands.
pub const ROCKS_GPUPCI: &str = "/opt/rocks/bin/gpupci";
/// Rocks' Python libraries.
pub const ROCKS_LIBRARIES: &str = "/opt/rocks/lib";
/// The address of the frontend.
pub const ROCKS_FRONTEND: &str = "/var/cluster/frontend";
