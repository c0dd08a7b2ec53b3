//! Writes the new elements.

use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use crate::pci::PciAddress;

/// A `<hostdev>` to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hostdev {
    /// The function.
    pub address: PciAddress,
    /// Whether libvirt binds it to a VFIO driver.
    pub is_managed: bool,
}

/// A tag of new XML, and how many steps it is indented below its neighbours.
pub(crate) type Line = (usize, Event<'static>);

/// The `<hostdev>` for a function, in the form of the original Rocks plugin and of libvirt's
/// manual.
pub(crate) fn hostdev(added: Hostdev) -> [Line; 5] {
    let address = added.address;
    // quick-xml quotes with `"`, Rocks and libvirt with `'`. The values are constants and numbers, so
    // nothing needs escaping.
    let place = format!(
        "address domain='{}' bus='{}' slot='{}' function='0x{:x}'",
        domain(address),
        bus(address),
        slot(address),
        address.function()
    );
    let device = match added.is_managed {
        true => "hostdev mode='subsystem' type='pci' managed='yes'",
        false => "hostdev mode='subsystem' type='pci' managed='no'",
    };
    [
        (0, Event::Start(tag("hostdev", device))),
        (1, Event::Start(tag("source", "source"))),
        (2, Event::Empty(tag("address", place))),
        (1, end("source")),
        (0, end("hostdev")),
    ]
}

/// `lines` inside of `<devices>`.
pub(crate) fn devices(lines: Vec<Line>) -> Vec<Line> {
    let inner = lines.into_iter().map(|(depth, line)| (depth + 1, line));
    let first = std::iter::once((0, Event::Start(tag("devices", "devices"))));
    first
        .chain(inner)
        .chain(std::iter::once((0, end("devices"))))
        .collect()
}

/// The value of `domain=` for `address`.
pub(crate) fn domain(address: PciAddress) -> String {
    format!("0x{:04x}", address.domain())
}

/// The value of `bus=` for `address`.
pub(crate) fn bus(address: PciAddress) -> String {
    format!("0x{:02x}", address.bus())
}

/// The value of `slot=` for `address`.
pub(crate) fn slot(address: PciAddress) -> String {
    format!("0x{:02x}", address.slot_number())
}

/// The end tag of an element.
pub(crate) fn end(name: &'static str) -> Event<'static> {
    Event::End(BytesEnd::new(name))
}

fn tag(name: &str, content: impl Into<Cow<'static, str>>) -> BytesStart<'static> {
    BytesStart::from_content(content, name.len())
}

/// Tags and the blanks between them as text.
pub(crate) fn text<'l>(pieces: impl Iterator<Item = Event<'l>>) -> String {
    let mut writer = Writer::new(Vec::with_capacity(256));
    for piece in pieces {
        // Writing into memory does not fail.
        let _ = writer.write_event(piece);
    }
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

/// Blanks and line ends, which need no escaping.
pub(crate) fn blanks(text: &str) -> Event<'_> {
    Event::Text(BytesText::from_escaped(text))
}
