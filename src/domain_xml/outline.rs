//! The outline of a document: where its devices are, and what it claims.

use std::ops::Range;

use crate::domain_xml::claims::{Finder, Found};
use crate::domain_xml::explain::read;
use crate::domain_xml::tokens::{Tag, Token};
use crate::domain_xml::{Place, XmlError};
use crate::pci::PciAddress;

/// The outline of a document.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// The root, if it is a `<domain>` and not a bare `<devices>`.
    pub(crate) domain: Option<Element>,
    /// The last `<devices>` that is a child of the domain.
    pub(crate) devices: Option<Element>,
    /// The claims of the domain.
    pub(crate) claims: Vec<Found>,
}

/// An element into which others can be inserted.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// From `<` to the byte after `>` of its start tag.
    pub(crate) start_tag: Range<usize>,
    /// Its name.
    pub(crate) name: Range<usize>,
    /// Where `</name>` starts; `None` for `<name/>`.
    pub(crate) end_tag: Option<usize>,
    /// Where its last child element starts.
    pub(crate) last_child: Option<usize>,
}

/// Finds the outline of `document`.
///
/// # Errors
/// When it is refused: see [`XmlError`].
pub(crate) fn outline(document: &[u8]) -> Result<Outline, XmlError> {
    let mut builder = Builder::default();
    let mut finder = Finder::default();
    read(document, |text, token| {
        finder.see(text, &token);
        builder.see(text, &token);
    })?;
    if let Some((at, element)) = builder.stranger {
        return Err(XmlError::NotADomain {
            place: Place::of(document, at),
            element,
        });
    }
    Ok(Outline {
        claims: finder.found,
        ..builder.outline
    })
}

impl Outline {
    /// The PCI functions that the domain claims.
    pub(crate) fn functions(&self) -> impl Iterator<Item = PciAddress> {
        self.claims
            .iter()
            .filter_map(|found| found.claim.function())
    }
}

#[derive(Default)]
struct Builder {
    outline: Outline,
    /// How many elements are open.
    depth: usize,
    /// The depth of the open `<devices>`.
    devices_depth: Option<usize>,
    /// The name of a root that is neither domain nor devices, and its position.
    stranger: Option<(usize, String)>,
}

impl Builder {
    fn see(&mut self, text: &str, token: &Token) {
        match token {
            Token::Start(tag) => {
                self.open(text, tag);
                self.depth += 1;
            }
            Token::Empty(tag) => {
                self.open(text, tag);
                self.close_at(self.depth, None);
            }
            Token::End(range) => {
                self.depth -= 1;
                self.close_at(self.depth, Some(range.start));
            }
        }
    }

    fn open(&mut self, text: &str, tag: &Tag) {
        let Outline {
            domain, devices, ..
        } = &mut self.outline;
        match (self.depth, domain, devices) {
            (0, ..) => self.root(text, tag),
            (1, Some(domain), devices) => {
                domain.last_child = Some(tag.range.start);
                if tag.name(text) == "devices" && !tag.is_in_namespace(text) {
                    *devices = Some(Element::starting(tag));
                    self.devices_depth = Some(1);
                }
            }
            (depth, _, Some(devices)) if self.devices_depth == Some(depth - 1) => {
                devices.last_child = Some(tag.range.start);
            }
            _ => {}
        }
    }

    fn root(&mut self, text: &str, tag: &Tag) {
        let element = Element::starting(tag);
        match tag.name(text) {
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

    /// An element at `depth` has ended.
    fn close_at(&mut self, depth: usize, end_tag: Option<usize>) {
        let Outline {
            domain, devices, ..
        } = &mut self.outline;
        if self.devices_depth == Some(depth) {
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
