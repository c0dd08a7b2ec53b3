//! The command that applies an edit of the kernel command line: the first that is installed.

use crate::readiness::BootFacts;
use crate::readiness::boot_loader::files::{
    DEFAULT_LIMINE, DEFAULT_U_BOOT, INSTALL_CONF, UPDATE_EXTLINUX,
};
use crate::readiness::{BootLoader, ImageSystem};

/// A program, and the file and variable that it reads.
type Generator = (&'static str, &'static str, &'static str);

const GENERATORS: [(BootLoader, Generator); 4] = [
    (
        BootLoader::Limine,
        ("limine-update", DEFAULT_LIMINE, LIMINE),
    ),
    (
        BootLoader::Limine,
        ("limine-mkinitcpio", DEFAULT_LIMINE, LIMINE),
    ),
    (
        BootLoader::Syslinux,
        ("update-extlinux", UPDATE_EXTLINUX, "default_kernel_opts"),
    ),
    (
        BootLoader::UBoot,
        ("u-boot-update", DEFAULT_U_BOOT, "U_BOOT_PARAMETERS"),
    ),
];
const LIMINE: &str = "KERNEL_CMDLINE[default]";

impl BootFacts {
    /// What to do after an edit: `run …`, or words where the command is not known. `None` if the boot
    /// loader reads the edited file.
    pub(super) fn apply(&self, loader: BootLoader) -> Option<String> {
        let run = |command: &str| Some(format!("run `{command}`"));
        match loader {
            BootLoader::Grub => Some(self.apply_grub()),
            BootLoader::Bootc => Some("update this host to that image".to_owned()),
            BootLoader::NixOs => run("nixos-rebuild boot"),
            BootLoader::Zipl => run("zipl"),
            BootLoader::Proxmox => run("proxmox-boot-tool refresh"),
            BootLoader::Sdbootutil => run("sdbootutil update-all-entries"),
            BootLoader::FlashKernel => run("flash-kernel"),
            BootLoader::Limine | BootLoader::Syslinux | BootLoader::UBoot => self
                .generator(loader)
                .and_then(|(program, ..)| run(program)),
            BootLoader::KernelInstall => Some(
                self.first(&["reinstall-kernels"])
                    .unwrap_or_else(|| self.kernel_install()),
            ),
            BootLoader::UnifiedImage => Some(self.apply_unified()),
            _ => None,
        }
    }

    /// The installed program that writes the file of this boot loader, and the file and variable from which
    /// it does.
    pub(super) fn generator(&self, loader: BootLoader) -> Option<Generator> {
        let mut generators = GENERATORS.into_iter();
        let (_, generator) =
            generators.find(|(of, (program, ..))| *of == loader && self.programs.has(program))?;
        Some(generator)
    }

    fn first(&self, commands: &[&str]) -> Option<String> {
        let program = |command: &str| command.split(' ').next().unwrap_or_default().to_owned();
        let mut commands = commands.iter();
        let found = commands.find(|command| self.programs.has(&program(command)));
        found.map(|command| format!("run `{command}`"))
    }

    fn apply_grub(&self) -> String {
        if self.is_proxmox() {
            return "run `proxmox-boot-tool refresh`".to_owned();
        }
        if self.image == Some(ImageSystem::TransactionalUpdate) {
            return "run `transactional-update grub.cfg`".to_owned();
        }
        let command = self.first(&["update-grub"]).or_else(|| self.mkconfig());
        command.unwrap_or_else(|| "generate grub.cfg anew".to_owned())
    }

    /// The generator of the `grub.cfg` that this host has.
    fn mkconfig(&self) -> Option<String> {
        let others = ["/boot/grub2/grub.cfg", "/boot/grub/grub.cfg"];
        let other = others.into_iter().find(|path| self.files.has(path));
        let path = other.or_else(|| self.efi_grub_cfg())?;
        let wanted = match path.starts_with("/boot/grub/") {
            true => "grub-mkconfig",
            false => "grub2-mkconfig",
        };
        let mut programs = [wanted, "grub-mkconfig", "grub2-mkconfig"].into_iter();
        let program = programs.find(|name| self.programs.may_have(name))?;
        Some(format!("run `{program} -o {path}`"))
    }

    /// The whole `grub.cfg` in the EFI partition, as EFI hosts before RHEL 9 and Fedora 34 have it. On other
    /// hosts the file there is written by hand or by an installer, and only loads the one in /boot.
    fn efi_grub_cfg(&self) -> Option<&str> {
        let is_whole = |text: &str| text.contains("menuentry") || text.contains("blscfg");
        let mut files = self.files.matching(|path| {
            let vendor = path.strip_prefix("/boot/efi/EFI/");
            let vendor = vendor.and_then(|rest| rest.strip_suffix("/grub.cfg"));
            vendor.is_some_and(is_plain)
        });
        let (path, _) = files.find(|(_, text)| self.is_efi && is_whole(text))?;
        Some(path)
    }

    /// kernel-install(8) before systemd 254 needs the release and the kernel.
    fn kernel_install(&self) -> String {
        let release = self.release.as_str();
        match self.kernel_image.as_deref() {
            Some(image) if self.programs.may_have("kernel-install") && is_plain(release) => {
                format!("run `kernel-install add {release} {image}`")
            }
            // `add-all` would do it, but only since systemd 254.
            _ => "make the boot entries anew".to_owned(),
        }
    }

    fn apply_unified(&self) -> String {
        if self.image.is_some() {
            return "build that image anew".to_owned();
        }
        if self.files.text(INSTALL_CONF).contains("layout=uki") {
            return self.kernel_install();
        }
        let commands = ["mkinitcpio -P", "dracut-rebuild", "dracut -f"];
        let command = self.first(&commands);
        command.unwrap_or_else(|| "build that image anew".to_owned())
    }
}

/// Whether this part of a path means itself in a shell.
fn is_plain(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+~".contains(c);
    !name.is_empty() && name.chars().all(is_plain)
}
