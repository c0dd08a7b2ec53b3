//! The boot loaders, one row each.

use BootLoader as L;

/// What sets the kernel command line of the next boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootLoader {
    /// ostree's boot entries, which `rpm-ostree` writes.
    RpmOstree,
    /// The arguments that a bootc image brings.
    Bootc,
    /// The configuration of NixOS.
    NixOs,
    /// GRUB with entries that `grubby` changes.
    Grubby,
    /// GRUB with a `grub.cfg` that is generated.
    Grub,
    /// s390x.
    Zipl,
    /// GRUB or systemd-boot with entries that openSUSE's `sdbootutil` writes.
    Sdbootutil,
    /// systemd-boot of Pop!_OS.
    Kernelstub,
    /// systemd-boot of Proxmox.
    Proxmox,
    /// A unified kernel image: the line is a part of it.
    UnifiedImage,
    /// systemd-boot with entries that `kernel-install` writes.
    KernelInstall,
    /// systemd-boot with entries that the administrator writes.
    SystemdBoot,
    /// rEFInd.
    Refind,
    /// Limine.
    Limine,
    /// syslinux and extlinux on a PC.
    Syslinux,
    /// U-Boot with an `extlinux.conf`.
    UBoot,
    /// U-Boot of Armbian.
    Armbian,
    /// U-Boot of Debian, with a boot script.
    FlashKernel,
    /// The firmware of a Raspberry Pi.
    RaspberryPi,
}

/// How a command line is changed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// By a command: how it adds a parameter (`{}`), and how it removes one.
    Command(&'static str, &'static str),
    /// By an edit: these words come before the name of the file.
    Edit(&'static str),
}

/// A boot loader of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The boot loader.
    pub loader: BootLoader,
    /// Its name in a sentence.
    pub name: &'static str,
    /// How it is recognised.
    pub known_by: &'static str,
    /// The files that have its kernel command line.
    pub files: &'static str,
    /// How the line is changed.
    pub change: Change,
    /// The command that applies an edit; the first that is installed.
    pub apply: &'static str,
    /// The manual page or document that says so.
    pub source: &'static str,
}

/// The boot loaders.
pub const LOADERS: [Row; 19] = [
    Row {
        loader: L::RpmOstree,
        name: "ostree",
        known_by: "`/run/ostree-booted`, `rpm-ostree`",
        files: "`/boot/loader/entries/ostree-*.conf`",
        change: Change::Command(
            "rpm-ostree kargs --append-if-missing={}",
            "rpm-ostree kargs --delete-if-present={}",
        ),
        apply: "",
        source: "rpm-ostree(1)",
    },
    Row {
        loader: L::Bootc,
        name: "bootc",
        known_by: "`/run/ostree-booted`, no `rpm-ostree`",
        files: "`/usr/lib/bootc/kargs.d/` of the image",
        change: Change::Edit("`kargs` in a file of the image in"),
        apply: "",
        source: "bootc documentation, \"Kernel arguments\"",
    },
    Row {
        loader: L::NixOs,
        name: "NixOS",
        known_by: "`/etc/NIXOS`",
        files: "`/etc/nixos/configuration.nix`",
        change: Change::Edit("`boot.kernelParams` in"),
        apply: "`nixos-rebuild boot`",
        source: "NixOS manual, \"Linux kernel\"",
    },
    Row {
        loader: L::Grubby,
        name: "GRUB",
        known_by: "`BOOT_IMAGE=` on the running line, `grubby`",
        files: "`/boot/loader/entries/*.conf`, else `grub.cfg`",
        change: Change::Command(
            "grubby --update-kernel=ALL --args={}",
            "grubby --update-kernel=ALL --remove-args={}",
        ),
        apply: "",
        source: "grubby(8)",
    },
    Row {
        loader: L::Grub,
        name: "GRUB",
        known_by: "`BOOT_IMAGE=` on the running line",
        files: "`/etc/default/grub`, `/etc/default/grub.d/*.cfg`",
        change: Change::Edit("GRUB_CMDLINE_LINUX in"),
        apply: "`proxmox-boot-tool refresh`, `transactional-update grub.cfg`, `update-grub`, \
                `grub2-mkconfig -o FILE`, `grub-mkconfig -o FILE`",
        source: "GRUB manual, \"Simple configuration\"; Proxmox VE guide, \"Host Bootloader\"; \
                 transactional-update(8)",
    },
    Row {
        loader: L::Zipl,
        name: "zipl",
        known_by: "`BOOT_IMAGE=` on the running line, `/etc/zipl.conf`",
        files: "`/etc/zipl.conf`",
        change: Change::Edit("`parameters` in"),
        apply: "`zipl`",
        source: "zipl.conf(5)",
    },
    Row {
        loader: L::Sdbootutil,
        name: "the boot loader",
        known_by: "`sdbootutil`, `/etc/kernel/cmdline`",
        files: "`/etc/kernel/cmdline`",
        change: Change::Edit(""),
        apply: "`sdbootutil update-all-entries`",
        source: "openSUSE wiki, \"Systemd-boot\"",
    },
    Row {
        loader: L::Kernelstub,
        name: "systemd-boot",
        known_by: "systemd-boot, `kernelstub`",
        files: "`/boot/efi/loader/entries/*.conf`",
        change: Change::Command(
            "kernelstub --add-options {}",
            "kernelstub --delete-options {}",
        ),
        apply: "",
        source: "kernelstub --help",
    },
    Row {
        loader: L::Proxmox,
        name: "systemd-boot",
        known_by: "systemd-boot, `/etc/kernel/proxmox-boot-uuids`",
        files: "`/etc/kernel/cmdline`",
        change: Change::Edit(""),
        apply: "`proxmox-boot-tool refresh`",
        source: "Proxmox VE guide, \"Host Bootloader\"",
    },
    Row {
        loader: L::UnifiedImage,
        name: "the unified kernel image",
        known_by: "the EFI variable `StubInfo`",
        files: "`/etc/kernel/cmdline`, `/etc/cmdline.d/*.conf`",
        change: Change::Edit(""),
        apply: "`mkinitcpio -P`, `kernel-install add RELEASE IMAGE`, `dracut-rebuild`, `dracut -f`",
        source: "systemd-stub(7), kernel-install(8), mkinitcpio(8)",
    },
    Row {
        loader: L::KernelInstall,
        name: "systemd-boot",
        known_by: "systemd-boot, entries or initrds named by the kernel's release",
        files: "`/etc/kernel/cmdline`",
        change: Change::Edit(""),
        apply: "`reinstall-kernels`, `kernel-install add RELEASE IMAGE`",
        source: "kernel-install(8); EndeavourOS wiki, \"systemd-boot\"",
    },
    Row {
        loader: L::SystemdBoot,
        name: "systemd-boot",
        known_by: "the EFI variable `LoaderInfo`, or `initrd=\\` on the running line",
        files: "`loader/entries/*.conf` below `/boot`, `/efi` or `/boot/efi`",
        change: Change::Edit("the `options` line of"),
        apply: "",
        source: "Boot Loader Specification, systemd-boot(7)",
    },
    Row {
        loader: L::Refind,
        name: "rEFInd",
        known_by: "`refind_linux.conf` or `refind.conf`, and neither GRUB nor systemd-boot",
        files: "`/boot/refind_linux.conf`, `EFI/refind/refind.conf`",
        change: Change::Edit("each line with options in"),
        apply: "",
        source: "The rEFInd Boot Manager, \"Methods of booting Linux\"",
    },
    Row {
        loader: L::Limine,
        name: "Limine",
        known_by: "the EFI variable `LoaderInfo`, or `limine.conf`",
        files: "`/etc/default/limine`, `limine.conf`",
        change: Change::Edit("the command line in"),
        apply: "`limine-update`",
        source: "Limine, CONFIG.md; limine-entry-tool",
    },
    Row {
        loader: L::Syslinux,
        name: "syslinux",
        known_by: "`BOOT_IMAGE=` on the running line, its files and none of GRUB",
        files: "`/etc/update-extlinux.conf`, `syslinux.cfg`, `extlinux.conf`",
        change: Change::Edit("the `append` line of"),
        apply: "`update-extlinux`",
        source: "syslinux.cfg(5); Unraid and Alpine Linux documentation",
    },
    Row {
        loader: L::UBoot,
        name: "U-Boot",
        known_by: "`/boot/extlinux/extlinux.conf`, no EFI",
        files: "`/etc/default/u-boot`, `/boot/extlinux/extlinux.conf`",
        change: Change::Edit("the `append` line of"),
        apply: "`u-boot-update`",
        source: "U-Boot documentation, \"Generic Distro Configuration Concept\"; u-boot-update(8)",
    },
    Row {
        loader: L::Armbian,
        name: "U-Boot",
        known_by: "`/boot/armbianEnv.txt`, no EFI",
        files: "`/boot/armbianEnv.txt`",
        change: Change::Edit("`extraargs` in"),
        apply: "",
        source: "Armbian documentation, \"Fine Tuning\"",
    },
    Row {
        loader: L::FlashKernel,
        name: "U-Boot",
        known_by: "`/etc/default/flash-kernel`, no EFI",
        files: "`/etc/default/flash-kernel`",
        change: Change::Edit("LINUX_KERNEL_CMDLINE in"),
        apply: "`flash-kernel`",
        source: "flash-kernel(8)",
    },
    Row {
        loader: L::RaspberryPi,
        name: "the Raspberry Pi's firmware",
        known_by: "`cmdline.txt` in `/boot/firmware` or `/boot`, no EFI",
        files: "`/boot/firmware/cmdline.txt`, `/boot/cmdline.txt`",
        change: Change::Edit("the one line of"),
        apply: "",
        source: "Raspberry Pi documentation, \"Kernel command line\"",
    },
];

impl BootLoader {
    /// Its row.
    pub fn row(self) -> Option<&'static Row> {
        LOADERS.iter().find(|row| row.loader == self)
    }

    /// Whether it reads the file that is edited, and no entries that are made from it.
    pub(super) fn reads_edited_file(self) -> bool {
        matches!(
            self,
            L::SystemdBoot
                | L::Refind
                | L::Limine
                | L::Syslinux
                | L::UBoot
                | L::Armbian
                | L::RaspberryPi
        )
    }
}
