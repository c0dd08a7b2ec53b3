//! The commands of each distribution: to change the kernel command line, to install packages.

/// What sets the kernel command line of the next boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// `/etc/default/grub`, and a program that generates `grub.cfg`.
    Grub,
    /// `grubby`, which edits the boot entries.
    Grubby,
    /// An image-based system (rpm-ostree).
    RpmOstree,
    /// Proxmox with `systemd-boot`.
    Proxmox,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    RedHat,
    Debian,
    Ubuntu,
    Suse,
    Arch,
    Other,
}

/// The distribution of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    family: Family,
    id: String,
    /// The major version; 0 if there is none.
    major: u32,
    loader: Loader,
    is_efi: bool,
}

impl Distribution {
    /// The distribution that `/etc/os-release` describes (os-release(5)).
    pub fn of(os_release: &str, loader: Loader, is_efi: bool) -> Self {
        let id = value(os_release, "ID").unwrap_or_default();
        let like = value(os_release, "ID_LIKE").unwrap_or_default();
        let version = value(os_release, "VERSION_ID").unwrap_or_default();
        let major = version.split('.').next().unwrap_or_default();
        Self {
            family: family(id, like),
            id: id.to_owned(),
            major: major.parse().unwrap_or(0),
            loader,
            is_efi,
        }
    }

    /// Whether it is one of SUSE's systems that `transactional-update` changes.
    pub fn is_transactional(&self) -> bool {
        let names = [
            "sle-micro",
            "sl-micro",
            "opensuse-microos",
            "opensuse-leap-micro",
        ];
        names.contains(&self.id.as_str())
    }

    /// How to add `argument` to the kernel command line.
    pub fn with_argument(&self, argument: &str) -> String {
        match self.loader {
            Loader::Grubby => {
                format!("run `grubby --update-kernel=ALL --args={argument}`, then reboot")
            }
            Loader::RpmOstree => format!("run `rpm-ostree kargs --append={argument}`, then reboot"),
            Loader::Proxmox => format!(
                "add {argument} to /etc/kernel/cmdline, run `proxmox-boot-tool refresh`, then reboot"
            ),
            Loader::Grub => match self.grub() {
                Some(command) => format!(
                    "add {argument} to GRUB_CMDLINE_LINUX in /etc/default/grub, run `{command}`, then \
                     reboot"
                ),
                None => format!(
                    "add {argument} to the kernel command line in your boot loader, then reboot"
                ),
            },
        }
    }

    /// How to remove `argument` from the kernel command line.
    pub fn without_argument(&self, argument: &str) -> String {
        match self.loader {
            Loader::Grubby => {
                format!("run `grubby --update-kernel=ALL --remove-args={argument}`, then reboot")
            }
            Loader::RpmOstree => format!("run `rpm-ostree kargs --delete={argument}`, then reboot"),
            Loader::Proxmox => format!(
                "remove {argument} from /etc/kernel/cmdline, run `proxmox-boot-tool refresh`, then \
                 reboot"
            ),
            Loader::Grub => match self.grub() {
                Some(command) => {
                    format!(
                        "remove {argument} from /etc/default/grub, run `{command}`, then reboot"
                    )
                }
                None => format!(
                    "remove {argument} from the kernel command line in your boot loader, then reboot"
                ),
            },
        }
    }

    /// How to install the modules of the kernel `release`.
    pub fn modules(&self, release: &str) -> String {
        match (self.family, self.major) {
            (Family::RedHat, 1..=7) => format!("yum reinstall kernel-{release}"),
            (Family::RedHat, _) => format!("dnf install kernel-modules-{release}"),
            (Family::Debian, _) => format!("apt-get install --reinstall linux-image-{release}"),
            (Family::Ubuntu, _) => format!("apt-get install linux-modules-extra-{release}"),
            _ => "install the modules of the running kernel".to_owned(),
        }
    }

    /// How to install libvirt.
    pub fn libvirt(&self) -> &'static str {
        match (self.family, self.major) {
            (Family::RedHat, 1..=7) => "yum install libvirt qemu-kvm",
            (Family::RedHat, _) => "dnf install libvirt qemu-kvm",
            (Family::Debian | Family::Ubuntu, _) => {
                "apt-get install libvirt-daemon-system qemu-system-x86"
            }
            (Family::Suse, _) => "zypper install libvirt-daemon-qemu qemu-kvm",
            (Family::Arch, _) => "pacman -S libvirt qemu-base",
            (Family::Other, _) => "install libvirt and QEMU",
        }
    }

    /// The command that generates `grub.cfg`, if it is known.
    fn grub(&self) -> Option<String> {
        Some(match self.family {
            Family::RedHat => format!("grub2-mkconfig -o {}", self.grub_file()),
            Family::Suse => "grub2-mkconfig -o /boot/grub2/grub.cfg".to_owned(),
            Family::Debian | Family::Ubuntu => "update-grub".to_owned(),
            Family::Arch => "grub-mkconfig -o /boot/grub/grub.cfg".to_owned(),
            Family::Other => return None,
        })
    }

    /// The path of `grub.cfg`. Before RHEL 9 and Fedora 34, EFI hosts have it in the EFI partition.
    fn grub_file(&self) -> String {
        let (folder, since) = match self.id.as_str() {
            "fedora" => ("fedora", 34),
            "rhel" => ("redhat", 9),
            id @ ("centos" | "rocky" | "almalinux") => (id, 9),
            _ => ("", 0),
        };
        if self.is_efi && self.major < since {
            format!("/boot/efi/EFI/{folder}/grub.cfg")
        } else {
            "/boot/grub2/grub.cfg".to_owned()
        }
    }
}

fn family(id: &str, like: &str) -> Family {
    let names = || std::iter::once(id).chain(like.split_ascii_whitespace());
    let is = |known: &[&str]| names().any(|name| known.contains(&name));
    if is(&["rhel", "fedora", "centos", "rocky", "almalinux", "ol"]) {
        Family::RedHat
    } else if is(&["ubuntu"]) {
        Family::Ubuntu
    } else if is(&["debian"]) {
        Family::Debian
    } else if is(&["suse", "opensuse"]) {
        Family::Suse
    } else if is(&["arch"]) {
        Family::Arch
    } else {
        Family::Other
    }
}

/// The last value of `key`, without quotes.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut assigned = text.lines().filter_map(|line| line.trim().split_once('='));
    let last = assigned.rfind(|(name, _)| *name == key);
    last.map(|(_, value)| value.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests;
