//! The names of products, from the system's `pci.ids`.

use std::collections::HashMap;
use std::fs;

use crate::host::Machine;
use crate::pci::Identity;

/// Where distributions install it.
const FILES: [&str; 3] = [
    "/usr/share/hwdata/pci.ids",
    "/usr/share/misc/pci.ids",
    "/usr/share/pci.ids",
];
/// It has 1.5 MB; a much longer file is something else.
const BYTES_MAX: u64 = 16 << 20;

/// The names of products, by vendor and device.
#[derive(Clone, Debug, Default)]
pub struct Models(HashMap<(String, u16), String>);

impl Models {
    /// The name of a product: `TU104 [GeForce RTX 2080]`.
    pub fn of(&self, identity: &Identity) -> Option<&str> {
        let key = (identity.vendor.to_string(), identity.device);
        self.0.get(&key).map(String::as_str)
    }
}

impl Machine {
    /// The names of `products`; none without a `pci.ids`.
    pub fn models(&self, products: &[Identity]) -> Models {
        let file = FILES.into_iter().map(|file| self.path(file));
        let mut file = file.filter(|file| fs::metadata(file).is_ok_and(|f| f.len() <= BYTES_MAX));
        let bytes = file.find_map(|file| fs::read(file).ok());
        Models(names_of(&bytes.unwrap_or_default(), products))
    }
}

/// Finds the names of `products`. A line with a vendor starts with its id, a line with a device with
/// one tab, a line with a board with two.
fn names_of(bytes: &[u8], products: &[Identity]) -> HashMap<(String, u16), String> {
    let mut names = HashMap::new();
    let mut vendor: Option<String> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        match line {
            [b'\t', b'\t' | b'#', ..] | [b'#', ..] | [] => (),
            [b'\t', device @ ..] => {
                let Some(vendor) = &vendor else { continue };
                let is_wanted = |p: &&Identity| p.vendor.to_string() == *vendor;
                let wanted = products.iter().filter(is_wanted).find_map(|product| {
                    let name = rest_after(device, &format!("{:04x}", product.device))?;
                    Some((product.device, name))
                });
                names.extend(wanted.map(|(device, name)| ((vendor.clone(), device), name)));
            }
            line => {
                let known = products.iter().map(|product| product.vendor.to_string());
                vendor = known.into_iter().find(|id| rest_after(line, id).is_some());
            }
        }
    }
    names
}

/// The text after an id and two blanks.
fn rest_after(line: &[u8], id: &str) -> Option<String> {
    let name = line.strip_prefix(id.as_bytes())?.strip_prefix(b"  ")?;
    Some(String::from_utf8_lossy(name).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pci::VendorId;
    use pretty_assertions::assert_eq;

    #[test]
    fn model_is_found_below_its_vendor() {
        let text = b"# comment\n1002  AMD\n\t1e87  Not this one\n10de  NVIDIA Corporation\n\
            \t1e87  TU104 [GeForce RTX 2080]\n\t\t1043 8694  A board\n\t1e8\nC 03  Display\n\t1e87  Nor this\n";
        let card = Identity {
            vendor: VendorId::NVIDIA,
            device: 0x1e87,
            subsystem: None,
        };
        let models = Models(names_of(text, &[card]));
        assert_eq!(models.of(&card), Some("TU104 [GeForce RTX 2080]"));
        let other = Identity {
            device: 0x1e88,
            ..card
        };
        assert_eq!(models.of(&other), None);
    }
}
