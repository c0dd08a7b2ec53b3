//! The PCI devices that a domain claims. This is the only reader of them: hook, `splice`, `retarget` and
//! `why` use it.
//!
//! It reads the XML as libvirt does: every `<devices>` of the domain, the first `<source>` of a device, the
//! first `<address>` of a source, and numbers in libvirt's notation.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain_xml::qemu::{Arguments, of_property};
use crate::domain_xml::tokens::{Tag, Token, read};
use crate::pci::{DriverName, PciAddress};
use crate::uuid::MediatedUuid;

/// The namespace of QEMU's own options.
const QEMU: &str = "http://libvirt.org/schemas/domain/qemu/1.0";

/// A device of the host that a domain claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A PCI function: `<hostdev>`, `<interface type='hostdev'>`, `<disk type='nvme'>`, or an option for
    /// QEMU itself.
    Function(PciAddress),
    /// The same with `managed='yes'`: libvirt binds it to a VFIO driver.
    Managed(PciAddress),
    /// A mediated device. Its parent must stay on its host driver.
    Mediated(MediatedUuid),
    /// A render node of a card that stays on its host driver: `/dev/dri/renderD128`.
    RenderNode(String),
}

impl Claim {
    /// The claimed PCI function.
    pub fn function(&self) -> Option<PciAddress> {
        match self {
            Self::Function(address) | Self::Managed(address) => Some(*address),
            Self::Mediated(_) | Self::RenderNode(_) => None,
        }
    }
}

/// A claim and its place in the document.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) claim: Claim,
    /// The `<address>` of a `<hostdev>`. `retarget` changes only these.
    pub(crate) address: Option<Tag>,
    /// The `model` of its `<driver>`.
    model: Option<String>,
}

/// The claims of `document`, in document order. None if it is not well-formed. Claims that libvirt cannot
/// parse are ignored.
pub fn claims(document: &[u8]) -> Vec<Claim> {
    let mut finder = Finder::default();
    match read(document, |text, token| finder.see(text, &token)) {
        Ok(()) => finder.found.into_iter().map(|found| found.claim).collect(),
        Err(_) => Vec::new(),
    }
}

/// The drivers that a document names for its claimed functions: `<driver model='…'/>`, which libvirt knows
/// from 10.0 on.
pub fn driver_models(document: &[u8]) -> BTreeMap<PciAddress, DriverName> {
    let mut finder = Finder::default();
    if read(document, |text, token| finder.see(text, &token)).is_err() {
        return BTreeMap::new();
    }
    let models = finder.found.into_iter().filter_map(|found| {
        let model = found.model?.parse().ok()?;
        Some((found.claim.function()?, model))
    });
    models.collect()
}

/// Collects the claims of a document from its tags, in order.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    pub(crate) found: Vec<Found>,
    /// The attributes of the root that declare QEMU's namespace, usually `xmlns:qemu`.
    declared: BTreeSet<String>,
    open: Vec<Open>,
    arguments: Arguments,
    device: Device,
}

/// The `<hostdev>` or `<interface>` that is read.
#[derive(Debug, Default)]
struct Device {
    /// How many claims were found before it.
    start: usize,
    /// The `model` of its `<driver>`, which may be before or after its source.
    model: Option<String>,
}

/// An open element.
#[derive(Debug)]
struct Open {
    kind: Kind,
    /// Whether its first `<source>` or `<address>` was seen: libvirt ignores further ones.
    seen: bool,
}

/// How the children of an element are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Other,
    Domain,
    Devices,
    /// A device without a PCI source, or a part of a device.
    Plain,
    Device(Source, Managed),
    /// The first `<source>` of one of these.
    Source(Source, Managed),
    /// A disk, a backing store or a mirror.
    Disk {
        is_nvme: bool,
    },
    CommandLine,
    /// `<qemu:override>` and everything in it.
    Override,
}

/// Whether libvirt binds a device to a VFIO driver: only with `managed='yes'`.
type Managed = bool;

/// The kind of a device's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Hostdev,
    Interface,
    Nvme,
    Mediated,
}

impl Finder {
    pub(crate) fn see(&mut self, text: &str, token: &Token) {
        match token {
            Token::Start(tag) => {
                let kind = self.kind(text, tag);
                if let Kind::Device(..) = kind {
                    self.device = Device {
                        start: self.found.len(),
                        model: None,
                    };
                }
                self.open.push(Open { kind, seen: false });
            }
            Token::Empty(tag) => {
                self.kind(text, tag);
            }
            Token::End(_) => {
                self.open.pop();
            }
        }
    }

    /// How the children of this tag are read. Claims of the tag itself are collected.
    fn kind(&mut self, text: &str, tag: &Tag) -> Kind {
        let name = tag.name(text);
        let Some(parent) = self.open.last().map(|open| open.kind) else {
            self.declared = tag.names_of(text, QEMU).map(str::to_owned).collect();
            return match name {
                "domain" if !tag.is_in_namespace(text) => Kind::Domain,
                "devices" if !tag.is_in_namespace(text) => Kind::Devices,
                _ => Kind::Other,
            };
        };
        match parent {
            Kind::Other => Kind::Other,
            Kind::CommandLine | Kind::Override => self.kind_for_qemu(parent, text, tag),
            Kind::Domain => match name.rsplit(':').next() {
                Some("commandline") if self.is_for_qemu(text, tag) => Kind::CommandLine,
                Some("override") if self.is_for_qemu(text, tag) => Kind::Override,
                _ if name == "devices" && !tag.is_in_namespace(text) => Kind::Devices,
                _ => Kind::Other,
            },
            _ if tag.is_in_namespace(text) => Kind::Other,
            _ => self.kind_in_devices(parent, text, tag),
        }
    }

    fn kind_in_devices(&mut self, parent: Kind, text: &str, tag: &Tag) -> Kind {
        let is = |attribute, value| tag.says(text, attribute, value);
        match (parent, tag.name(text)) {
            (_, "gl" | "acceleration") => {
                if let Some(node) = tag.value(text, "rendernode") {
                    self.note(Claim::RenderNode(node), None);
                }
                Kind::Plain
            }
            (Kind::Devices, "hostdev") if !is_subsystem(text, tag) => Kind::Plain,
            (Kind::Devices, "hostdev") if is("type", "pci") => {
                Kind::Device(Source::Hostdev, is("managed", "yes"))
            }
            (Kind::Devices, "hostdev") if is("type", "mdev") => {
                Kind::Device(Source::Mediated, false)
            }
            (Kind::Devices, "interface") if is("type", "hostdev") => {
                Kind::Device(Source::Interface, is("managed", "yes"))
            }
            (Kind::Devices, "disk") | (Kind::Disk { .. }, "backingStore" | "mirror") => {
                Kind::Disk {
                    is_nvme: is("type", "nvme"),
                }
            }
            (Kind::Device(..), "driver") => {
                self.device.model = tag.value(text, "model");
                for found in self.found.iter_mut().skip(self.device.start) {
                    found.model.clone_from(&self.device.model);
                }
                Kind::Plain
            }
            (Kind::Device(source, managed), "source") if self.is_first() => {
                Kind::Source(source, managed)
            }
            (Kind::Disk { is_nvme: true }, "source") if self.is_first() && is("type", "pci") => {
                Kind::Source(Source::Nvme, is("managed", "yes"))
            }
            (Kind::Source(source, managed), "address") if self.is_first() => {
                self.address(source, managed, text, tag);
                Kind::Plain
            }
            _ => Kind::Plain,
        }
    }

    /// The `<address>` of a source.
    fn address(&mut self, source: Source, managed: Managed, text: &str, tag: &Tag) {
        let value = |name| tag.value(text, name);
        if source == Source::Mediated {
            let uuid = value("uuid").and_then(|uuid| uuid.parse().ok());
            uuid.into_iter()
                .for_each(|uuid| self.note(Claim::Mediated(uuid), None));
            return;
        }
        if source == Source::Interface && !tag.says(text, "type", "pci") {
            return;
        }
        let address = PciAddress::from_libvirt(
            value("domain").as_deref(),
            value("bus").as_deref(),
            value("slot").as_deref(),
            value("function").as_deref(),
        );
        if let Ok(address) = address {
            let place = (source == Source::Hostdev).then(|| tag.clone());
            let claim = match managed {
                true => Claim::Managed(address),
                false => Claim::Function(address),
            };
            self.note(claim, place);
            if let (Source::Hostdev | Source::Interface, Some(found)) =
                (source, self.found.last_mut())
            {
                found.model.clone_from(&self.device.model);
            }
        }
    }

    fn kind_for_qemu(&mut self, parent: Kind, text: &str, tag: &Tag) -> Kind {
        let value = |name| tag.value(text, name).unwrap_or_default();
        let claim = match (parent, tag.name(text).rsplit(':').next()) {
            (Kind::CommandLine, Some("arg")) => self.arguments.next(value("value")),
            (Kind::Override, Some("property")) => of_property(&value("name"), &value("value")),
            _ => None,
        };
        if let Some(claim) = claim {
            self.note(claim, None);
        }
        // Children of an argument are ignored, those of an overridden device are not.
        if parent == Kind::Override {
            parent
        } else {
            Kind::Other
        }
    }

    /// Whether a tag is in QEMU's namespace, declared at the tag or at the root.
    fn is_for_qemu(&self, text: &str, tag: &Tag) -> bool {
        let declaration = match tag.name(text).split_once(':') {
            Some((prefix, _)) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        match tag.value(text, &declaration) {
            Some(uri) => uri == QEMU,
            None => self.declared.contains(&declaration),
        }
    }

    /// Whether this is the first source or address of the innermost open element.
    fn is_first(&mut self) -> bool {
        let innermost = self.open.last_mut();
        innermost.is_some_and(|open| !std::mem::replace(&mut open.seen, true))
    }

    fn note(&mut self, claim: Claim, address: Option<Tag>) {
        let model = None;
        self.found.push(Found {
            claim,
            address,
            model,
        });
    }
}

/// Whether a `<hostdev>` has the mode `subsystem`, which is the default.
fn is_subsystem(text: &str, tag: &Tag) -> bool {
    tag.value(text, "mode")
        .is_none_or(|mode| mode == "subsystem")
}

#[cfg(test)]
mod tests;
