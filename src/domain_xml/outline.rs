//! What a change needs to know of a domain's XML: where its devices are, and which PCI devices of
//! the host stand there.

use std::ops::Range;

use crate::domain_xml::explain::read;
use crate::domain_xml::tokens::{Tag, Token};
use crate::domain_xml::{Place, XmlError};
use crate::pci::PciAddress;

/// The places that matter in a document.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// The root, when it is a `<domain>`; a bare `<devices>` has none.
    pub(crate) domain: Option<Element>,
    /// The last `<devices>` that belongs to the domain itself.
    pub(crate) devices: Option<Element>,
    /// The PCI devices of the host that the domain claims by `<hostdev>`.
    pub(crate) hostdevs: Vec<SourceAddress>,
}

/// An element that new ones can be put into.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// From `<` to behind `>` of its start tag.
    pub(crate) start_tag: Range<usize>,
    /// Its name.
    pub(crate) name: Range<usize>,
    /// Where `</name>` starts; `None` for `<name/>`.
    pub(crate) end_tag: Option<usize>,
    /// Where its last child element starts.
    pub(crate) last_child: Option<usize>,
}

/// The `<address>` in the `<source>` of a PCI `<hostdev>`.
#[derive(Debug)]
pub(crate) struct SourceAddress {
    /// The function it means; `None` when libvirt could not read it either.
    pub(crate) address: Option<PciAddress>,
    /// Its name and attributes.
    pub(crate) tag: Tag,
}

/// Finds the outline of `document`.
///
/// # Errors
/// When it is refused: see [`XmlError`].
pub(crate) fn outline(document: &[u8]) -> Result<Outline, XmlError> {
    let mut builder = Builder::default();
    read(document, |text, token| builder.see(text, token))?;
    if let Some((at, element)) = builder.stranger {
        return Err(XmlError::NotADomain {
            place: Place::of(document, at),
            element,
        });
    }
    Ok(builder.outline)
}

/// The PCI functions of the host that `document` claims by `<hostdev>`.
///
/// # Errors
/// When it is refused: see [`XmlError`].
pub fn claimed_functions(document: &[u8]) -> Result<Vec<PciAddress>, XmlError> {
    let hostdevs = outline(document)?.hostdevs;
    Ok(hostdevs
        .into_iter()
        .filter_map(|hostdev| hostdev.address)
        .collect())
}

#[derive(Default)]
struct Builder {
    outline: Outline,
    /// How many elements are open.
    depth: usize,
    /// At which depth the open elements of interest stand.
    devices_depth: Option<usize>,
    hostdev_depth: Option<usize>,
    source_depth: Option<usize>,
    /// The first `<source>` of a hostdev counts, and its first `<address>`.
    seen_source: bool,
    seen_address: bool,
    /// A root that is neither domain nor devices, and where it starts.
    stranger: Option<(usize, String)>,
}

impl Builder {
    fn see(&mut self, text: &str, token: Token) {
        match token {
            Token::Start(tag) => {
                self.open(text, &tag, false);
                self.depth += 1;
            }
            Token::Empty(tag) => {
                self.open(text, &tag, true);
                self.close_at(self.depth, None);
            }
            Token::End(range) => {
                self.depth -= 1;
                self.close_at(self.depth, Some(range.start));
            }
        }
    }

    fn open(&mut self, text: &str, tag: &Tag, is_empty: bool) {
        let name = &text[tag.name.clone()];
        if self.depth == 0 {
            self.root(text, tag, name);
        } else if self.depth == 1 && self.outline.domain.is_some() {
            self.child_of_domain(text, tag, name);
        } else if self.devices_depth == Some(self.depth - 1) {
            self.device(text, tag, name, is_empty);
        } else if self.hostdev_depth == Some(self.depth - 1) {
            if name == "source"
                && !tag.is_in_namespace(text)
                && !std::mem::replace(&mut self.seen_source, true)
            {
                self.source_depth = Some(self.depth);
            }
        } else if self.source_depth == Some(self.depth - 1)
            && name == "address"
            && !tag.is_in_namespace(text)
            && !std::mem::replace(&mut self.seen_address, true)
        {
            self.address(text, tag);
        }
    }

    fn root(&mut self, text: &str, tag: &Tag, name: &str) {
        let element = Element::starting(tag);
        match name {
            "domain" if !tag.is_in_namespace(text) => self.outline.domain = Some(element),
            "devices" if !tag.is_in_namespace(text) => {
                self.outline.devices = Some(element);
                self.devices_depth = Some(0);
            }
            other => {
                let namespace = tag.value(text, "xmlns").filter(|uri| !uri.is_empty());
                let namespace = namespace.map(|uri| format!(" xmlns='{uri}'"));
                let element = format!("<{other}{}>", namespace.unwrap_or_default());
                self.stranger = Some((tag.range.start, element));
            }
        }
    }

    fn child_of_domain(&mut self, text: &str, tag: &Tag, name: &str) {
        if let Some(domain) = &mut self.outline.domain {
            domain.last_child = Some(tag.range.start);
        }
        if name == "devices" && !tag.is_in_namespace(text) {
            self.outline.devices = Some(Element::starting(tag));
            self.devices_depth = Some(1);
        }
    }

    fn device(&mut self, text: &str, tag: &Tag, name: &str, is_empty: bool) {
        if let Some(devices) = &mut self.outline.devices {
            devices.last_child = Some(tag.range.start);
        }
        if name == "hostdev" && !is_empty && is_pci(text, tag) && !tag.is_in_namespace(text) {
            self.hostdev_depth = Some(self.depth);
            (self.seen_source, self.seen_address) = (false, false);
        }
    }

    fn address(&mut self, text: &str, tag: &Tag) {
        let value = |name| tag.value(text, name);
        let address = PciAddress::from_libvirt(
            value("domain").as_deref(),
            value("bus").as_deref(),
            value("slot").as_deref(),
            value("function").as_deref(),
        );
        self.outline.hostdevs.push(SourceAddress {
            address: address.ok(),
            tag: tag.clone(),
        });
    }

    /// An element that stands at `depth` has ended.
    fn close_at(&mut self, depth: usize, end_tag: Option<usize>) {
        let Outline {
            domain, devices, ..
        } = &mut self.outline;
        if self.source_depth == Some(depth) {
            self.source_depth = None;
        } else if self.hostdev_depth == Some(depth) {
            self.hostdev_depth = None;
        } else if self.devices_depth == Some(depth) {
            self.devices_depth = None;
            if let Some(devices) = devices {
                devices.end_tag = end_tag;
            }
        } else if let (0, Some(domain)) = (depth, domain) {
            domain.end_tag = end_tag;
        }
    }
}

impl Element {
    fn starting(tag: &Tag) -> Self {
        Self {
            start_tag: tag.range.clone(),
            name: tag.name.clone(),
            end_tag: None,
            last_child: None,
        }
    }
}

/// Whether a `<hostdev>` claims a PCI device; `subsystem` is its mode when none is said.
fn is_pci(text: &str, tag: &Tag) -> bool {
    let is = |attribute, expected, missing| {
        tag.value(text, attribute)
            .map_or(missing, |value| value == expected)
    };
    is("type", "pci", false) && is("mode", "subsystem", true)
}
