//! The devices that QEMU's own options claim, in `<qemu:commandline>` and `<qemu:override>` (libvirt's
//! `docs/drvqemu.rst`, QEMU's `system/vl.c` and `hw/vfio/pci.c`).
//!
//! The file of `-readconfig` is not read: it may change before the guest starts.

use serde::Deserialize;

use crate::domain_xml::Claim;
use crate::pci::PciAddress;

/// The QEMU devices that claim a PCI function of the host.
const DRIVERS: [&str; 2] = ["vfio-pci", "vfio-pci-nohotplug"];

/// QEMU's arguments, in order: an option such as `-device` and its value are two arguments.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    last: String,
}

impl Arguments {
    /// The claim in the next argument, which depends on the option before it.
    pub(super) fn next(&mut self, argument: String) -> Option<Claim> {
        let claim = match self.last.as_str() {
            "-device" | "--device" => of_device(&argument),
            "-set" | "--set" => of_setting(&argument),
            "-global" | "--global" => of_global(&argument),
            _ => None,
        };
        self.last = argument;
        claim
    }
}

/// The properties of a device that can claim a host device.
#[derive(Default, Deserialize)]
struct Device {
    #[serde(default)]
    driver: String,
    host: Option<String>,
    sysfsdev: Option<String>,
}

/// `vfio-pci,host=02:00.0,…` or `{"driver": "vfio-pci", "host": "0000:02:00.0", …}`.
fn of_device(argument: &str) -> Option<Claim> {
    let device = if argument.starts_with('{') {
        // QEMU accepts both kinds of quotes.
        let readings = [argument.to_owned(), argument.replace('\'', "\"")];
        let mut read = readings.iter().map(|json| serde_json::from_str(json));
        read.find_map(Result::ok)?
    } else {
        Device::from_options(argument)
    };
    let is_taken = DRIVERS.contains(&device.driver.as_str());
    let property = match (&device.sysfsdev, &device.host) {
        (Some(folder), _) => of_property("sysfsdev", folder),
        (None, Some(address)) => of_property("host", address),
        (None, None) => None,
    };
    property.filter(|_| is_taken)
}

impl Device {
    /// Parses `name=value` pairs separated by commas. `,,` is a comma in a value. The first word may be the
    /// driver without `driver=`.
    fn from_options(argument: &str) -> Self {
        let mut device = Self::default();
        for (index, option) in argument.replace(",,", "\0").split(',').enumerate() {
            let option = option.replace('\0', ",");
            match option.split_once('=') {
                None if index == 0 => device.driver = option,
                Some(("driver", value)) => device.driver = value.to_owned(),
                Some(("host", value)) => device.host = Some(value.to_owned()),
                Some(("sysfsdev", value)) => device.sysfsdev = Some(value.to_owned()),
                _ => {}
            }
        }
        device
    }
}

/// `device.ID.host=02:00.0`: sets a property of an earlier `-device`.
fn of_setting(argument: &str) -> Option<Claim> {
    let (place, value) = argument.split_once('=')?;
    let (_, property) = place.strip_prefix("device.")?.split_once('.')?;
    of_property(property, value)
}

/// `vfio-pci.host=02:00.0` or `driver=vfio-pci,property=host,value=02:00.0`: sets a property of every device
/// of this driver.
fn of_global(argument: &str) -> Option<Claim> {
    if let Some((place, value)) = argument.split_once('=')
        && let Some((driver, property)) = place.split_once('.')
    {
        return of_property(property, value).filter(|_| DRIVERS.contains(&driver));
    }
    let options = argument
        .split(',')
        .filter_map(|option| option.split_once('='));
    let value_of = |name| {
        options
            .clone()
            .rfind(|(one, _)| *one == name)
            .map(|(_, value)| value)
    };
    let driver = value_of("driver")?;
    of_property(value_of("property")?, value_of("value")?).filter(|_| DRIVERS.contains(&driver))
}

/// The claim in a property of a VFIO device. `sysfsdev` is the path of a PCI function or of a mediated
/// device.
pub(super) fn of_property(name: &str, value: &str) -> Option<Claim> {
    match name {
        "host" => PciAddress::from_qemu(value).map(Claim::Function),
        "sysfsdev" => {
            let device = value.trim_end_matches('/').rsplit('/').next()?;
            let function = PciAddress::from_qemu(device).map(Claim::Function);
            function.or_else(|| device.parse().ok().map(Claim::Mediated))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    const MEDIATED: &str = "c2177883-f1bb-47f0-914d-32a22e3a8804";

    fn claimed(arguments: &[&str]) -> Vec<Claim> {
        let mut reader = Arguments::default();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        arguments
            .filter_map(|argument| reader.next(argument))
            .collect()
    }

    #[test]
    fn a_vfio_device_claims_its_function_in_every_spelling() {
        let function = Claim::Function("0000:02:00.1".parse().expect("an address"));
        for device in [
            "vfio-pci,host=02:00.1,multifunction=on",
            "vfio-pci,id=a,host=0000:02:00.1",
            "vfio-pci-nohotplug,host=2:0.1",
            "driver=vfio-pci,host=02:00.1",
            "id=a,host=0:2:0.1,driver=vfio-pci",
            "vfio-pci,host=83:00.0,host=02:00.1",
            "vfio-pci,romfile=/a,,host=83:00.0,host=02:00.1",
            "vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:02:00.1",
            "vfio-pci,host=83:00.0,sysfsdev=/sys/devices/pci0000:00/0000:00:01.0/0000:02:00.1/,id=a",
            r#"{"driver":"vfio-pci","host":"0000:02:00.1","id":"hostdev0"}"#,
            r#"{ "id": "host", "acpi-index": 1, "host": "02:00.1", "driver": "vfio-pci-nohotplug" }"#,
            r#"{"driver":"vfio-pci","sysfsdev":"\/sys\/bus\/pci\/devices\/0000:02:00.1"}"#,
            "{'driver': 'vfio-pci', 'host': '0000:02:00.1'}",
        ] {
            for option in ["-device", "--device"] {
                let claims = claimed(&[option, device]);
                assert_eq!(claims, std::slice::from_ref(&function), "{device}");
            }
        }
        let setting = "device.hostdev0.host=02:00.1";
        assert_eq!(claimed(&["-set", setting]), std::slice::from_ref(&function));
        for setting in [
            "vfio-pci.host=02:00.1",
            "vfio-pci.sysfsdev=/sys/bus/pci/devices/0000:02:00.1",
            "driver=vfio-pci,property=host,value=2:0.1",
            "value=2:0.1,property=host,driver=vfio-pci-nohotplug",
        ] {
            let claims = claimed(&["-global", setting]);
            assert_eq!(claims, std::slice::from_ref(&function), "{setting}");
        }
    }

    #[test]
    fn a_mediated_device_is_claimed_by_its_folder() {
        let folder = format!("vfio-pci,sysfsdev=/sys/bus/mdev/devices/{MEDIATED}");
        let claim = Claim::Mediated(MEDIATED.parse().expect("a uuid"));
        assert_eq!(claimed(&["-device", &folder]), [claim]);
    }

    #[test]
    fn arguments_that_take_no_function_claim_nothing() {
        for arguments in [
            ["-device", "virtio-net-pci,host=02:00.1"],
            ["-device", "vfio-pci,sysfsdev=/sys/x"],
            ["-device", "vfio-pci,host=nonsense"],
            ["-device", "vfio-pci,host=02:00"],
            ["-device", "vfio-pci,id=a,,host=02:00.1"],
            ["-device", "{\"driver\":\"vfio-pci\",\"host\":"],
            ["-device", "{\"driver\":\"e1000\",\"host\":\"02:00.1\"}"],
            ["-append", "vfio-pci,host=02:00.1"],
            ["-device", "-device vfio-pci,host=02:00.1"],
            ["-set", "netdev.a.host=02:00.1"],
            ["-set", "device.a.id=02:00.1"],
            ["-readconfig", "/etc/qemu.conf"],
            ["-global", "virtio-net-pci.host=02:00.1"],
            ["-global", "vfio-pci.romfile=02:00.1"],
            ["-global", "driver=e1000,property=host,value=02:00.1"],
            ["-global", "vfio-pci"],
        ] {
            assert_eq!(claimed(&arguments), [], "{arguments:?}");
        }
        assert_eq!(claimed(&["vfio-pci,host=02:00.1"]), []);
    }
}
