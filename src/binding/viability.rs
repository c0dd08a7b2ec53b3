//! Which devices may share an IOMMU group with those of a guest.

use crate::binding::Binding;

/// The kernel's rule for the drivers of other devices in a guest's IOMMU group. A device without a driver
/// may always stay, and so may those of VFIO's drivers and of pci-stub.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupRule {
    /// Up to Linux 5.18 any driver may stay on a device whose configuration header is not the normal one
    /// (`vfio_dev_driver_allowed` in `drivers/vfio/vfio.c`).
    ByHeader,
    /// From Linux 5.19 on only drivers may stay that leave DMA alone (`driver_managed_dma` in `struct
    /// pci_driver`): of the host's drivers, that is pcieport.
    ByDriver,
    /// The kernel may have either rule, so a driver must be allowed by both.
    #[default]
    Either,
}

impl GroupRule {
    /// The rule of a kernel release, as `uname -r` prints it.
    pub fn of_release(release: &str) -> Self {
        match version(release) {
            // The 5.14 of RHEL 9 got the rule of 5.19 with an update that the version does not show.
            None | Some((5, 14)) => Self::Either,
            Some(version) if version < (5, 19) => Self::ByHeader,
            Some(_) => Self::ByDriver,
        }
    }

    /// Whether the kernel gives a guest the group of this device while the device stays as it is.
    pub fn allows(self, device: &Binding) -> bool {
        let Some(driver) = &device.driver else {
            return true;
        };
        let by_header = device.class.has_bridge_header();
        let by_driver = driver.as_str() == "pcieport";
        let is_exempt = match self {
            Self::ByHeader => by_header,
            Self::ByDriver => by_driver,
            Self::Either => by_header && by_driver,
        };
        device.is_vfio || driver.as_str() == "pci-stub" || is_exempt
    }
}

/// The first two numbers of a release.
fn version(release: &str) -> Option<(u32, u32)> {
    let (major, rest) = release.split_once('.')?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    let minor = &rest[..end.unwrap_or(rest.len())];
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci::{ClassCode, DriverName};
    use pretty_assertions::assert_eq;

    fn device(class: &str, driver: Option<&str>) -> Binding {
        Binding {
            function: "0000:00:1f.0".parse().expect("an address"),
            class: ClassCode::from_sysfs(class).expect("a class"),
            driver: driver.map(|name| name.parse().expect("a driver")),
            module: None,
            driver_override: None,
            is_vfio: driver == Some("vfio-pci"),
            stub: DriverName::vfio_pci(),
        }
    }

    #[test]
    fn kernel_release_decides_the_rule() {
        for (release, rule) in [
            ("3.10.0-1160.el7.x86_64", GroupRule::ByHeader),
            ("4.18.0-553.el8_10.x86_64", GroupRule::ByHeader),
            ("5.15.0-58-generic", GroupRule::ByHeader),
            ("5.18.19", GroupRule::ByHeader),
            ("5.14.0-503.el9.x86_64", GroupRule::Either),
            ("5.19.0", GroupRule::ByDriver),
            ("6.1.0-56-amd64", GroupRule::ByDriver),
            ("10.0-rc1", GroupRule::ByDriver),
            ("", GroupRule::Either),
            ("unknown", GroupRule::Either),
            ("6.", GroupRule::Either),
            (".19", GroupRule::Either),
        ] {
            assert_eq!(GroupRule::of_release(release), rule, "{release}");
        }
    }

    #[test]
    fn only_header_or_driver_let_a_device_stay() {
        use GroupRule::{ByDriver, ByHeader, Either};
        let all = [ByHeader, ByDriver, Either];
        for (class, driver, allowing) in [
            ("0x060400", Some("pcieport"), &all[..]),
            ("0x060400", Some("shpchp"), &[ByHeader]),
            ("0x060700", Some("yenta_cardbus"), &[ByHeader]),
            ("0x060900", Some("other"), &[ByHeader]),
            ("0x080700", Some("pcieport"), &[ByDriver]),
            ("0x060000", Some("skx_uncore"), &[]),
            ("0x060100", Some("lpc_ich"), &[]),
            ("0x068000", Some("nvidia-nvswitch"), &[]),
            ("0x010601", Some("ahci"), &[]),
            ("0x010601", Some("vfio-pci"), &all),
            ("0x010601", Some("pci-stub"), &all),
            ("0x060100", None, &all),
        ] {
            let device = device(class, driver);
            let found = all.into_iter().filter(|rule| rule.allows(&device));
            assert_eq!(found.collect::<Vec<_>>(), allowing, "{class} {driver:?}");
        }
    }
}
