//! Domain XML as libvirt reads it, with roxmltree and without the splicer's code.

use std::ops::Range;

use roxmltree::{Document, Node};

const QEMU: &str = "http://libvirt.org/schemas/domain/qemu/1.0";

/// Domain, bus, slot and function, as in an `<address>`.
pub type Numbers = [u64; 4];

/// The `<address>` in the source of each PCI hostdev, in the order of the document.
pub fn source_addresses<'a, 'input>(document: &'a Document<'input>) -> Vec<Node<'a, 'input>> {
    devices(document)
        .iter()
        .flat_map(|devices| named(*devices, "hostdev"))
        .filter(|hostdev| hostdev.attribute("type") == Some("pci"))
        .filter(|hostdev| hostdev.attribute("mode").unwrap_or("subsystem") == "subsystem")
        .filter_map(|hostdev| named(hostdev, "source").next())
        .filter_map(|source| named(source, "address").next())
        .collect()
}

/// The `<devices>` of a domain, or the root if it is one.
pub fn devices<'a, 'input>(document: &'a Document<'input>) -> Vec<Node<'a, 'input>> {
    let root = document.root_element();
    if is(root, "devices") {
        vec![root]
    } else {
        named(root, "devices").collect()
    }
}

/// The functions that the hostdevs of `text` name, in order, without invalid addresses.
pub fn hostdevs(text: &str) -> Vec<Numbers> {
    let document = Document::parse(text).expect("well-formed XML");
    source_addresses(&document)
        .into_iter()
        .filter_map(numbers)
        .collect()
}

/// The functions that `text` claims in any form: by hostdevs first, then in other ways.
pub fn claimed(text: &str) -> Vec<Numbers> {
    let document = Document::parse(text).expect("well-formed XML");
    let mut found = hostdevs(text);
    for device in devices(&document).iter().flat_map(Node::children) {
        let (element, kind) = match device.attribute("type") {
            Some("hostdev") => ("interface", "address"),
            Some("nvme") => ("disk", "source"),
            _ => continue,
        };
        let source = named(device, "source")
            .next()
            .filter(|_| is(device, element));
        let address = source.and_then(|source| named(source, "address").next());
        let is_pci = [source, address]
            .into_iter()
            .flatten()
            .any(|node| is(node, kind) && node.attribute("type") == Some("pci"));
        found.extend(address.filter(|_| is_pci).and_then(numbers));
    }
    let options = document.descendants().filter_map(|node| {
        let is_option = ["arg", "property"].map(|name| node.has_tag_name((QEMU, name)));
        is_option.contains(&true).then(|| node.attribute("value"))?
    });
    found.extend(options.filter_map(|value| by_qemu(value.rsplit('=').next()?)));
    found
}

/// `0000:0a:09.0`, where there is a domain only if it is not 0.
fn by_qemu(address: &str) -> Option<Numbers> {
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    let mut parts: Vec<u64> = address.split([':', '.']).map_while(hex).collect();
    if parts.len() == 3 {
        parts.insert(0, 0);
    }
    parts.try_into().ok()
}

fn numbers(address: Node<'_, '_>) -> Option<Numbers> {
    let number = |name| address.attribute(name).map_or(Some(0), base_0);
    Some([
        number("domain")?,
        number("bus")?,
        number("slot")?,
        number("function")?,
    ])
}

fn named<'a, 'input>(
    parent: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    parent.children().filter(move |node| is(*node, name))
}

/// `has_tag_name` matches any namespace. `xmlns=''` means none.
fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name(name) && node.tag_name().namespace().is_none_or(str::is_empty)
}

/// C's `strtoul` with base 0, of digits alone.
fn base_0(text: &str) -> Option<u64> {
    let mut base = 10;
    let mut digits = text;
    if let Some(rest) = text.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        let hexadecimal = rest.strip_prefix(['x', 'X']);
        base = if hexadecimal.is_some() { 16 } else { 8 };
        digits = hexadecimal.unwrap_or(rest);
    }
    let mut number = 0;
    for digit in digits.chars() {
        number = number * base + u64::from(digit.to_digit(base as u32)?);
    }
    (!digits.is_empty()).then_some(number)
}

/// `text` without its source addresses.
pub fn without_source_addresses(text: &str) -> String {
    let document = Document::parse(text).expect("well-formed XML");
    let mut ranges: Vec<Range<usize>> = source_addresses(&document)
        .iter()
        .map(Node::range)
        .collect();
    ranges.sort_by_key(|range| range.start);
    let mut rest = text.to_owned();
    for range in ranges.into_iter().rev() {
        rest.replace_range(range, "<address/>");
    }
    rest
}
