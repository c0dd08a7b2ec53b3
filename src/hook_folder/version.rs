//! The version of libvirt, which decides where hooks go.

use std::fmt;

/// The version of a libvirt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LibvirtVersion([u32; 3]);

/// The first version that runs the files in `qemu.d`.
const WITH_FOLDER: LibvirtVersion = LibvirtVersion([6, 5, 0]);
const LIBRARY: &str = "libvirt.so.0.";

impl LibvirtVersion {
    /// The version in the name of libvirt's library: `libvirt.so.0.9000.0` is 9.0.0.
    pub fn of_library(name: &str) -> Option<Self> {
        let (number, micro) = name.strip_prefix(LIBRARY)?.split_once('.')?;
        let number: u32 = digits(number)?;
        Some(Self([number / 1000, number % 1000, digits(micro)?]))
    }

    /// The version in the output of `libvirtd --version`: `libvirtd (libvirt) 9.0.0`.
    pub fn of_daemon(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let mut parts = word.split('.').map(digits);
            let mut part = || parts.next().flatten();
            let version = [part()?, part()?, part()?];
            parts.next().is_none().then_some(Self(version))
        })
    }

    /// Whether it runs the files in `qemu.d`.
    pub fn runs_folder(self) -> bool {
        self >= WITH_FOLDER
    }
}

fn digits(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for LibvirtVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, micro] = self.0;
        write!(f, "{major}.{minor}.{micro}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn version_is_parsed_from_the_library_file_name() {
        for (name, version) in [
            ("libvirt.so.0.9000.0", Some([9, 0, 0])),
            ("libvirt.so.0.4005.0", Some([4, 5, 0])),
            ("libvirt.so.0.6005.0", Some([6, 5, 0])),
            ("libvirt.so.0.11003.2", Some([11, 3, 2])),
            ("libvirt.so.0.10.2", Some([0, 10, 2])),
            ("libvirt.so.0", None),
            ("libvirt.so.0.", None),
            ("libvirt.so.0.9000", None),
            ("libvirt.so.0.9000.0.dpkg-new", None),
            ("libvirt.so.0.+9000.0", None),
            ("libvirt.so.0.99999999999.0", None),
            ("libvirt-qemu.so.0.9000.0", None),
        ] {
            let expected = version.map(LibvirtVersion);
            assert_eq!(LibvirtVersion::of_library(name), expected, "{name}");
        }
    }

    #[test]
    fn version_is_parsed_from_the_output_of_the_daemon() {
        for (text, version) in [
            ("libvirtd (libvirt) 9.0.0\n", Some("9.0.0")),
            ("/usr/sbin/libvirtd (libvirt) 1.2.17", Some("1.2.17")),
            ("virtqemud (libvirt) 10.10.0", Some("10.10.0")),
            ("libvirtd: command not found", None),
            ("1.2.3.4", None),
            ("", None),
        ] {
            let told = LibvirtVersion::of_daemon(text).map(|version| version.to_string());
            assert_eq!(told.as_deref(), version, "{text}");
        }
    }

    #[test]
    fn libvirt_runs_qemu_d_from_6_5_0_on() {
        let runs = |text| LibvirtVersion::of_daemon(text).map(LibvirtVersion::runs_folder);
        for (text, expected) in [
            ("4.5.0", false),
            ("6.4.9", false),
            ("6.5.0", true),
            ("10.0.0", true),
        ] {
            assert_eq!(runs(text), Some(expected), "{text}");
        }
    }
}
