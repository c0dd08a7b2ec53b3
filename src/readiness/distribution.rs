//! The commands of each distribution that install packages.

use crate::readiness::Processor;

const MODULES: &str = "install the modules of the running kernel";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    RedHat,
    Debian,
    Ubuntu,
    Suse,
    Arch,
    Proxmox,
    Other,
}

/// The distribution of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    family: Family,
    id: String,
    /// The major version; 0 if there is none.
    major: u32,
}

impl Distribution {
    /// The distribution that `/etc/os-release` describes (os-release(5)).
    pub fn of(os_release: &str) -> Self {
        let id = value(os_release, "ID").unwrap_or_default();
        let like = value(os_release, "ID_LIKE").unwrap_or_default();
        let version = value(os_release, "VERSION_ID").unwrap_or_default();
        let major = version.split('.').next().unwrap_or_default();
        Self {
            family: family(id, like),
            id: id.to_owned(),
            major: major.parse().unwrap_or(0),
        }
    }

    /// Proxmox, if its files are there: its os-release is that of Debian.
    pub fn or_proxmox(self, is_proxmox: bool) -> Self {
        let family = if is_proxmox {
            Family::Proxmox
        } else {
            self.family
        };
        Self { family, ..self }
    }

    /// Whether it is Proxmox, which has its own QEMU and no libvirt.
    pub fn is_proxmox(&self) -> bool {
        self.family == Family::Proxmox
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

    /// How to install the modules of the kernel `release`, on a system that is not built as an image.
    pub fn modules(&self, release: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+~".contains(c);
        if release.is_empty() || !release.chars().all(is_plain) {
            return MODULES.to_owned();
        }
        match (self.family, self.major) {
            (Family::RedHat, 1..=7) => format!("yum reinstall kernel-{release}"),
            (Family::RedHat, _) => format!("dnf install kernel-modules-{release}"),
            (Family::Debian, _) => format!("apt-get install --reinstall linux-image-{release}"),
            (Family::Ubuntu, _) => format!("apt-get install linux-modules-extra-{release}"),
            _ => MODULES.to_owned(),
        }
    }

    /// How to install libvirt and the QEMU of this processor, on a system that is not built as an image.
    pub fn libvirt(&self, processor: Option<Processor>) -> &'static str {
        let is_x86 = processor.is_none_or(Processor::is_x86);
        match (self.family, self.major) {
            (Family::RedHat, 1..=7) => "yum install libvirt qemu-kvm",
            (Family::RedHat, _) => "dnf install libvirt qemu-kvm",
            (Family::Debian | Family::Ubuntu, _) if is_x86 => {
                "apt-get install libvirt-daemon-system qemu-system-x86"
            }
            (Family::Debian | Family::Ubuntu, _) if processor == Some(Processor::Arm) => {
                "apt-get install libvirt-daemon-system qemu-system-arm"
            }
            // The package for all processors.
            (Family::Debian | Family::Ubuntu, _) => {
                "apt-get install libvirt-daemon-system qemu-system"
            }
            (Family::Suse, _) if is_x86 => "zypper install libvirt-daemon-qemu qemu-kvm",
            (Family::Suse, _) => "zypper install libvirt-daemon-qemu qemu",
            (Family::Arch, _) => "pacman -S libvirt qemu-base",
            (Family::Proxmox | Family::Other, _) => "install libvirt and QEMU",
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
