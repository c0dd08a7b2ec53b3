//! The new elements, as the lines of a text.

use quick_xml::Writer;
use quick_xml::escape::escape;
use quick_xml::events::{BytesEnd, BytesStart, Event};

use crate::pci::PciAddress;

/// A line of new XML: how many steps it is indented below its neighbours, and its markup.
pub(crate) type Line = (usize, String);

/// The `<hostdev>` that gives the function at `address` to a guest, as Rocks' original plugin wrote
/// it and libvirt's manual shows it.
pub(crate) fn hostdev(address: PciAddress) -> Vec<Line> {
    let numbers = [
        ("domain", domain(address)),
        ("bus", bus(address)),
        ("slot", slot(address)),
        ("function", format!("0x{:x}", address.function())),
    ];
    let device = [("mode", "subsystem"), ("type", "pci"), ("managed", "yes")];
    vec![
        (
            0,
            start(
                "hostdev",
                device.map(|(name, value)| (name, value.to_owned())),
            ),
        ),
        (1, start("source", [])),
        (2, empty("address", numbers)),
        (1, end("source")),
        (0, end("hostdev")),
    ]
}

/// `lines` inside of `<devices>`.
pub(crate) fn devices(lines: Vec<Line>) -> Vec<Line> {
    let inner = lines.into_iter().map(|(depth, line)| (depth + 1, line));
    let first = std::iter::once((0, start("devices", [])));
    let last = std::iter::once((0, end("devices")));
    first.chain(inner).chain(last).collect()
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

fn start<const N: usize>(name: &str, attributes: [(&str, String); N]) -> String {
    markup(Event::Start(tag(name, attributes)))
}

fn empty<const N: usize>(name: &str, attributes: [(&str, String); N]) -> String {
    markup(Event::Empty(tag(name, attributes)))
}

pub(crate) fn end(name: &str) -> String {
    markup(Event::End(BytesEnd::new(name)))
}

/// quick-xml would quote with `"`; Rocks and libvirt quote with `'`.
fn tag<const N: usize>(name: &str, attributes: [(&str, String); N]) -> BytesStart<'static> {
    let mut content = name.to_owned();
    for (attribute, value) in attributes {
        content.push_str(&format!(" {attribute}='{}'", escape(&value)));
    }
    BytesStart::from_content(content, name.len())
}

fn markup(event: Event<'_>) -> String {
    let mut writer = Writer::new(Vec::new());
    // Writing into memory does not fail; were it to, the text would be missing and every test red.
    let _ = writer.write_event(event);
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}
