//! Which boot loader started the running kernel: by what it left on the kernel command line and in EFI
//! variables, then by its files.

use crate::readiness::boot_loader::files::{
    ARMBIAN, EXTLINUX, FLASH_KERNEL, KERNEL_CMDLINE, PROXMOX, ZIPL,
};
use crate::readiness::{BootFacts, BootLoader, ImageSystem};

impl BootFacts {
    pub(super) fn loader(&self) -> Option<BootLoader> {
        match self.image {
            Some(ImageSystem::RpmOstree) => Some(BootLoader::RpmOstree),
            Some(ImageSystem::Bootc) => Some(BootLoader::Bootc),
            Some(ImageSystem::NixOs) => Some(BootLoader::NixOs),
            _ => self.loader_of_line(),
        }
    }

    /// An EFI boot manager names the initrd with backslashes; GRUB and syslinux name the kernel.
    fn loader_of_line(&self) -> Option<BootLoader> {
        let is_efi_initrd = self
            .running
            .values("initrd")
            .any(|path| path.contains('\\'));
        let has_boot_image = self.running.values("BOOT_IMAGE").next().is_some();
        if has_boot_image && !is_efi_initrd {
            Some(self.grub_or_syslinux())
        } else if is_efi_initrd || self.loader_info.is_some() || self.is_unified {
            self.efi_loader()
        } else {
            self.loader_by_files()
        }
    }

    fn grub_or_syslinux(&self) -> BootLoader {
        let programs = &self.programs;
        if self.files.has(ZIPL) && programs.may_have("zipl") {
            BootLoader::Zipl
        } else if !self.has_grub() && self.has_syslinux() {
            BootLoader::Syslinux
        } else if self.is_sdbootutil() {
            BootLoader::Sdbootutil
        } else if programs.has("grubby") && !programs.has("update-grub") {
            BootLoader::Grubby
        } else {
            BootLoader::Grub
        }
    }

    fn efi_loader(&self) -> Option<BootLoader> {
        let info = self
            .loader_info
            .as_deref()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if info.starts_with("grub") {
            Some(self.grub_or_syslinux())
        } else if info.starts_with("limine") {
            Some(BootLoader::Limine)
        } else if info.starts_with("refind")
            || (!info.starts_with("systemd-boot") && self.has_refind())
        {
            Some(BootLoader::Refind)
        } else if self.loader_info.is_some()
            || self.is_unified
            || self.has_entries()
            || self.is_proxmox()
        {
            Some(self.systemd_boot())
        } else {
            None
        }
    }

    fn systemd_boot(&self) -> BootLoader {
        if self.programs.has("kernelstub") {
            BootLoader::Kernelstub
        } else if self.is_proxmox() && self.files.has(KERNEL_CMDLINE) {
            BootLoader::Proxmox
        } else if self.is_sdbootutil() {
            BootLoader::Sdbootutil
        } else if self.is_unified {
            BootLoader::UnifiedImage
        } else if self.files.has(KERNEL_CMDLINE) && self.is_kernel_install() {
            BootLoader::KernelInstall
        } else {
            BootLoader::SystemdBoot
        }
    }

    /// Whether kernel-install made the entries: it names them, and the initrd's folder, by the release.
    fn is_kernel_install(&self) -> bool {
        let release = self.release.as_str();
        let mut initrds = self.running.values("initrd");
        let is_named = |name: &str| !release.is_empty() && name.contains(release);
        initrds.any(is_named)
            || self
                .files
                .entries()
                .iter()
                .any(|entry| is_named(&entry.file))
    }

    /// Whether Proxmox copies kernels and boot loader to EFI partitions.
    pub(super) fn is_proxmox(&self) -> bool {
        self.files.has(PROXMOX) && self.programs.may_have("proxmox-boot-tool")
    }

    fn is_sdbootutil(&self) -> bool {
        self.programs.has("sdbootutil") && self.files.has(KERNEL_CMDLINE)
    }

    /// For a kernel that nothing else tells of: only boards, or a PC with the files of GRUB alone.
    fn loader_by_files(&self) -> Option<BootLoader> {
        let boards = [
            (ARMBIAN, BootLoader::Armbian),
            (EXTLINUX, BootLoader::UBoot),
            ("/boot/firmware/cmdline.txt", BootLoader::RaspberryPi),
            ("/boot/cmdline.txt", BootLoader::RaspberryPi),
            (FLASH_KERNEL, BootLoader::FlashKernel),
        ];
        let mut found = boards.into_iter().filter(|(file, _)| self.files.has(file));
        if let Some((_, loader)) = found.next().filter(|_| !self.is_efi) {
            return Some(loader);
        }
        let has_limine = self.files.has_any(|path| path.ends_with("/limine.conf"));
        let is_other = has_limine || self.has_refind() || self.has_syslinux() || self.has_manager();
        if self.has_grub_cfg() && !is_other {
            return Some(self.grub_or_syslinux());
        }
        (has_limine && !self.has_grub_cfg()).then_some(BootLoader::Limine)
    }

    fn has_grub(&self) -> bool {
        self.has_grub_cfg() || self.files.has("/etc/default/grub")
    }

    fn has_grub_cfg(&self) -> bool {
        self.files.has_any(|path| path.ends_with("/grub.cfg"))
    }

    fn has_syslinux(&self) -> bool {
        let is_syslinux = |path: &str| path.ends_with("linux.cfg") || path.ends_with("linux.conf");
        self.files
            .has_any(|path| is_syslinux(path) && !path.contains("refind"))
    }

    fn has_refind(&self) -> bool {
        self.files
            .has_any(|path| path.ends_with("/refind_linux.conf") || path.ends_with("/refind.conf"))
    }

    fn has_manager(&self) -> bool {
        self.files
            .has_any(|path| path.ends_with("/loader/loader.conf"))
    }

    fn has_entries(&self) -> bool {
        self.has_manager() || self.files.has_any(|path| path.contains("/loader/entries/"))
    }
}
