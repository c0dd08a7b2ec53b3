//! The kernel command lines of each boot loader.

use crate::readiness::BootFacts;
use crate::readiness::BootLoader as L;
use crate::readiness::boot_loader::files::{
    ARMBIAN, ConfiguredLine, DEFAULT_GRUB, DEFAULT_GRUB_FOLDER, EXTLINUX, FLASH_KERNEL,
    KERNEL_CMDLINE, NIX_CONFIGURATION, UPDATE_EXTLINUX, ZIPL,
};

const LIMINE_FIRST: &str = "KERNEL_CMDLINE[default] (after all words of /proc/cmdline)";

impl BootFacts {
    /// The lines that the administrator edits, and those that the boot loader reads.
    pub(super) fn lines(&self, loader: L) -> (Vec<ConfiguredLine>, Vec<ConfiguredLine>) {
        let (sources, entries) = self.all_lines(loader);
        (sources, self.own(entries))
    }

    /// The entries of this system: another one has another root file system. All, if none has the same.
    fn own(&self, mut entries: Vec<ConfiguredLine>) -> Vec<ConfiguredLine> {
        let root = self.running.values("root").next_back();
        let is_own = |line: &ConfiguredLine| line.line.values("root").next_back() == root;
        if root.is_some() && entries.iter().any(is_own) {
            entries.retain(is_own);
        }
        entries
    }

    fn all_lines(&self, loader: L) -> (Vec<ConfiguredLine>, Vec<ConfiguredLine>) {
        let files = &self.files;
        match loader {
            L::RpmOstree => (Vec::new(), files.ostree_entry()),
            L::Kernelstub | L::SystemdBoot => (Vec::new(), files.entries()),
            L::Bootc => (Vec::new(), Vec::new()),
            L::NixOs => (Vec::new(), files.whole(|path| path.starts_with("/nix/"))),
            L::Grubby | L::Grub => (self.grub_variables(), self.grub_entries()),
            L::Sdbootutil | L::Proxmox | L::KernelInstall => {
                (self.kernel_cmdline(), files.entries())
            }
            L::UnifiedImage => (self.kernel_cmdline(), Vec::new()),
            L::Refind => (Vec::new(), files.refind()),
            L::Limine => (
                self.generated_from(loader),
                files.after_word(|path| path.ends_with("/limine.conf"), "cmdline"),
            ),
            L::Syslinux | L::UBoot => (self.generated_from(loader), self.appended()),
            L::Armbian => (Vec::new(), files.setting(ARMBIAN, "extraargs")),
            L::FlashKernel => (
                self.variable(FLASH_KERNEL, "LINUX_KERNEL_CMDLINE"),
                Vec::new(),
            ),
            L::Zipl => (files.setting(ZIPL, "parameters"), Vec::new()),
            L::RaspberryPi => {
                let lines = files.whole(|path| path.ends_with("/cmdline.txt"));
                (Vec::new(), lines.into_iter().take(1).collect())
            }
        }
    }

    /// A file to edit where none of these lines is: it has no line yet, or one that cannot be read here.
    pub(super) fn other_file(&self, loader: L) -> Option<String> {
        let file = match loader {
            L::Grub => DEFAULT_GRUB,
            L::NixOs => NIX_CONFIGURATION,
            L::Armbian => ARMBIAN,
            L::FlashKernel => FLASH_KERNEL,
            L::Zipl => ZIPL,
            L::UBoot => EXTLINUX,
            // The file is in the image, and not on this host.
            L::Bootc => return Some("/usr/lib/bootc/kargs.d".to_owned()),
            _ => return None,
        };
        self.files.has(file).then(|| file.to_owned())
    }

    fn grub_variables(&self) -> Vec<ConfiguredLine> {
        let is_source = |path: &str| path == DEFAULT_GRUB || path.starts_with(DEFAULT_GRUB_FOLDER);
        let mut lines = self.files.variable(is_source, "GRUB_CMDLINE_LINUX");
        lines.extend(self.files.variable(is_source, "GRUB_CMDLINE_LINUX_DEFAULT"));
        lines
    }

    /// The entries of `blscfg` are in /boot, and only there.
    fn grub_entries(&self) -> Vec<ConfiguredLine> {
        let entries = self.files.entries();
        let is_own = |line: &ConfiguredLine| line.file.starts_with("/boot/loader/");
        let own: Vec<ConfiguredLine> = entries.into_iter().filter(is_own).collect();
        if own.is_empty() {
            self.files.grub_cfg()
        } else {
            own
        }
    }

    fn kernel_cmdline(&self) -> Vec<ConfiguredLine> {
        if self.files.has(KERNEL_CMDLINE) {
            return self.files.whole(|path| path == KERNEL_CMDLINE);
        }
        let parts = self.files.whole(|path| path.starts_with("/etc/cmdline.d/"));
        match parts.is_empty() {
            true => self.files.whole(|path| path == "/usr/lib/kernel/cmdline"),
            false => parts,
        }
    }

    /// The variable from which an installed generator writes the file that the boot loader reads: an edit of
    /// that file would be lost.
    fn generated_from(&self, loader: L) -> Vec<ConfiguredLine> {
        let Some((_, file, variable)) = self.generator(loader) else {
            return Vec::new();
        };
        let lines = self.variable(file, variable);
        match loader {
            _ if !lines.is_empty() => lines,
            L::Limine if self.files.has(KERNEL_CMDLINE) => self.kernel_cmdline(),
            // Without a variable, the words of the running kernel are used. A variable replaces them.
            L::Limine => vec![ConfiguredLine::new(file, LIMINE_FIRST, "")],
            _ => vec![ConfiguredLine::new(file, variable, "")],
        }
    }

    fn appended(&self) -> Vec<ConfiguredLine> {
        let is_config = |path: &str| path.ends_with("linux.cfg") || path.ends_with("extlinux.conf");
        let is_menu = |path: &str| is_config(path) && path != UPDATE_EXTLINUX;
        self.files.appended(is_menu)
    }

    fn variable(&self, file: &'static str, name: &'static str) -> Vec<ConfiguredLine> {
        self.files.variable(|path| path == file, name)
    }
}
