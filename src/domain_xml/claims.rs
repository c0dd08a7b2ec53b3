//! Every way in which a domain claims a PCI device of its host, or uses one that stays there.

use std::ops::Range;

use quick_xml::escape::unescape;

use crate::domain_xml::tokens::{Tag, Token, read};
use crate::pci::PciAddress;
use crate::uuid::MediatedUuid;

/// Something of the host that a domain wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This function for the guest alone: `<hostdev>`, `<interface type='hostdev'>`,
    /// `<disk type='nvme'>`, or `vfio-pci,host=` on QEMU's command line.
    Function(PciAddress),
    /// A mediated device, by its uuid. Its parent must stay on its host driver.
    Mediated(MediatedUuid),
    /// A render node of a card that stays on its host driver: `/dev/dri/renderD128`.
    RenderNode(String),
}

/// What `document` claims, in its order; nothing when it is not well-formed. Claims that libvirt
/// could not read either are left out.
pub fn claims(document: &[u8]) -> Vec<Claim> {
    let mut finder = Finder::default();
    match read(document, |text, token| finder.see(text, token)) {
        Ok(()) => finder.claims,
        Err(_) => Vec::new(),
    }
}

/// The elements that are open, by name, and what was found in them.
#[derive(Default)]
struct Finder {
    open: Vec<Open>,
    claims: Vec<Claim>,
}

struct Open {
    name: Range<usize>,
    /// What its `<source>` or `<address>` means, if it is a device that may claim something.
    kind: Kind,
    /// Whether a `<source>` was in it, or an `<address>`; only the first counts.
    seen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Other,
    /// A device whose `<source>` holds the address of a function.
    Function,
    /// One whose `<source>` holds the uuid of a mediated device.
    Mediated,
    /// An NVMe disk, or what stands below one: backing stores and mirrors have sources too.
    Disk,
    /// The `<source>` of one of these.
    FunctionSource,
    MediatedSource,
}

impl Finder {
    fn see(&mut self, text: &str, token: Token) {
        match token {
            Token::Start(tag) => {
                let kind = self.kind(text, &tag);
                self.open.push(Open {
                    name: tag.name,
                    kind,
                    seen: false,
                });
            }
            Token::Empty(tag) => {
                self.kind(text, &tag);
            }
            Token::End(_) => {
                self.open.pop();
            }
        }
    }

    /// Looks at a tag; what it claims by itself is noted, what it means for those in it is given.
    fn kind(&mut self, text: &str, tag: &Tag) -> Kind {
        let name = &text[tag.name.clone()];
        let value = |name| tag.value(text, name);
        if name.rsplit(':').next() == Some("arg") && self.is_below_command_line(text) {
            let argument = value("value").unwrap_or_default();
            self.claims
                .extend(of_argument(&argument).map(Claim::Function));
            return Kind::Other;
        }
        if !self.is_in_devices(text) || tag.is_in_namespace(text) {
            return Kind::Other;
        }
        let node = value("rendernode").map(Claim::RenderNode);
        self.claims.extend(node);
        let is = |attribute, wanted: &str| value(attribute).as_deref() == Some(wanted);
        if self.open.len() == self.depth_of_devices(text) {
            let is_subsystem = value("mode").is_none_or(|mode| mode == "subsystem");
            return match name {
                "hostdev" if is_subsystem && is("type", "pci") => Kind::Function,
                "hostdev" if is_subsystem && is("type", "mdev") => Kind::Mediated,
                "interface" if is("type", "hostdev") => Kind::Function,
                "disk" => Kind::Disk,
                _ => Kind::Other,
            };
        }
        let parent = self.open.last_mut();
        let Some(parent) = parent else {
            return Kind::Other;
        };
        match (parent.kind, name) {
            (Kind::Disk, "source") if is("type", "pci") => Kind::FunctionSource,
            (Kind::Disk, "source") => Kind::Other,
            (Kind::Disk, _) => Kind::Disk,
            (Kind::Function, "source") if !std::mem::replace(&mut parent.seen, true) => {
                Kind::FunctionSource
            }
            (Kind::Mediated, "source") if !std::mem::replace(&mut parent.seen, true) => {
                Kind::MediatedSource
            }
            (Kind::FunctionSource, "address") if !std::mem::replace(&mut parent.seen, true) => {
                let address = PciAddress::from_libvirt(
                    value("domain").as_deref(),
                    value("bus").as_deref(),
                    value("slot").as_deref(),
                    value("function").as_deref(),
                );
                self.claims.extend(address.ok().map(Claim::Function));
                Kind::Other
            }
            (Kind::MediatedSource, "address") if !std::mem::replace(&mut parent.seen, true) => {
                let uuid = value("uuid").and_then(|uuid| uuid.parse().ok());
                self.claims.extend(uuid.map(Claim::Mediated));
                Kind::Other
            }
            _ => Kind::Other,
        }
    }

    /// How many elements are open around a device: `<domain><devices>`, or `<devices>` alone.
    fn depth_of_devices(&self, text: &str) -> usize {
        let is_alone = self
            .open
            .first()
            .is_some_and(|root| &text[root.name.clone()] == "devices");
        if is_alone { 1 } else { 2 }
    }

    fn is_in_devices(&self, text: &str) -> bool {
        let depth = self.depth_of_devices(text);
        let devices = self.open.get(depth - 1);
        devices.is_some_and(|element| &text[element.name.clone()] == "devices")
    }

    /// Whether this is a child of QEMU's `<commandline>`, which has a namespace of its own under
    /// whatever prefix.
    fn is_below_command_line(&self, text: &str) -> bool {
        let parent = self.open.last();
        self.open.len() == 2
            && parent.is_some_and(|parent| {
                text[parent.name.clone()].rsplit(':').next() == Some("commandline")
            })
    }
}

/// The function that an argument of QEMU takes from the host: `vfio-pci,host=02:00.0`,
/// `vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:02:00.0`, or the same as JSON.
fn of_argument(argument: &str) -> Option<PciAddress> {
    if !argument.contains("vfio-pci") {
        return None;
    }
    let host = property(argument, "host");
    let folder = || property(argument, "sysfsdev")?.rsplit('/').next();
    let address = unescape(host.or_else(folder)?).ok()?;
    address.parse().ok()
}

/// What a property of a device is: `name=value` between commas, or `"name": "value"`.
fn property<'a>(argument: &'a str, name: &str) -> Option<&'a str> {
    let assigned = |part: &'a str| part.trim().strip_prefix(name)?.strip_prefix('=');
    let json = || {
        let (_, rest) = argument.split_once(&format!("\"{name}\""))?;
        let (_, rest) = rest.split_once('"')?;
        Some(rest.split_once('"')?.0)
    };
    argument.split(',').find_map(assigned).or_else(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn function(text: &str) -> Claim {
        Claim::Function(text.parse().expect("an address"))
    }

    fn claimed(devices: &str) -> Vec<Claim> {
        let document = format!("<domain><name>x</name><devices>{devices}</devices></domain>");
        claims(document.as_bytes())
    }

    #[test]
    fn every_form_of_claim_is_found() {
        let address = |attributes| {
            format!(
                "<source {attributes}><address domain='0' bus='2' slot='0' function='1'/></source>"
            )
        };
        let plain = address("");
        for (device, claim) in [
            (format!("<hostdev type='pci'>{plain}</hostdev>"), function("02:00.1")),
            (format!("<hostdev mode='subsystem' type='pci' managed='no'>{plain}<address type='pci' bus='9'/></hostdev>"), function("02:00.1")),
            ("<interface type='hostdev'><source><address type='pci' bus='0x02' function='1'/></source></interface>".to_owned(), function("02:00.1")),
            (format!("<disk type='nvme'>{}</disk>", address("type='pci' namespace='1'")), function("02:00.1")),
            (format!("<disk type='file'><source file='/x'/><backingStore type='nvme'>{}</backingStore></disk>", address("type='pci'")), function("02:00.1")),
            (format!("<disk type='file'><mirror type='nvme'><format/>{}</mirror></disk>", address("type='pci'")), function("02:00.1")),
            ("<hostdev type='mdev' model='vfio-pci'><source><address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>".to_owned(), Claim::Mediated("c2177883-f1bb-47f0-914d-32a22e3a8804".parse().expect("a uuid"))),
            ("<graphics type='spice'><gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics>".to_owned(), Claim::RenderNode("/dev/dri/renderD128".to_owned())),
            ("<graphics type='egl-headless'><gl rendernode='/dev/dri/renderD129'/></graphics>".to_owned(), Claim::RenderNode("/dev/dri/renderD129".to_owned())),
            ("<video><model type='virtio'><acceleration rendernode='/dev/dri/renderD1'/></model></video>".to_owned(), Claim::RenderNode("/dev/dri/renderD1".to_owned())),
        ] {
            assert_eq!(claimed(&device), [claim], "{device}");
        }
    }

    #[test]
    fn devices_that_claim_no_card_are_ignored() {
        for device in [
            "<hostdev type='usb'><source><address bus='2'/></source></hostdev>",
            "<hostdev mode='capabilities' type='pci'><source><address bus='2'/></source></hostdev>",
            "<hostdev type='pci'><address bus='2'/></hostdev>",
            "<hostdev type='pci'><source/><source><address bus='2'/></source></hostdev>",
            "<hostdev type='pci'><source><address bus='1f'/></source></hostdev>",
            "<interface type='network'><source><address bus='2'/></source></interface>",
            "<disk type='nvme'><source><address bus='2'/></source></disk>",
            "<x xmlns='urn:x'><hostdev type='pci'><source><address bus='2'/></source></hostdev></x>",
            "<!-- <hostdev type='pci'><source><address bus='2'/></source></hostdev> -->",
        ] {
            assert_eq!(claimed(device), [], "{device}");
        }
        let elsewhere = "<domain><metadata><devices><hostdev type='pci'><source><address bus='2'/>\
             </source></hostdev></devices></metadata></domain>";
        assert_eq!(claims(elsewhere.as_bytes()), []);
    }

    #[test]
    fn qemu_device_arguments_are_parsed() {
        for (argument, found) in [
            ("vfio-pci,host=02:00.1,multifunction=on", Some("02:00.1")),
            ("vfio-pci,id=a,host=10000:02:00.1", Some("10000:02:00.1")),
            (
                "{&quot;driver&quot;:&quot;vfio-pci&quot;,&quot;host&quot;: &quot;0000:02:00.1&quot;}",
                Some("02:00.1"),
            ),
            ("virtio-net-pci,host=02:00.1", None),
            ("vfio-pci,sysfsdev=/sys/x", None),
            (
                "vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:02:00.1,id=a",
                Some("02:00.1"),
            ),
            (
                "{&quot;driver&quot;:&quot;vfio-pci&quot;,&quot;sysfsdev&quot;:\
                 &quot;/sys/bus/pci/devices/0000:02:00.1&quot;}",
                Some("02:00.1"),
            ),
            ("vfio-pci,host=nonsense", None),
        ] {
            let document = format!(
                "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><devices/>\
                 <q:commandline><q:arg value='-device'/><q:arg value='{argument}'/>\
                 </q:commandline></domain>"
            );
            let found: Vec<Claim> = found.map(function).into_iter().collect();
            assert_eq!(claims(document.as_bytes()), found, "{argument}");
        }
    }
}
