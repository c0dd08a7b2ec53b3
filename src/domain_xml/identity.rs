//! The guest in a document.

use std::ops::Range;

use quick_xml::escape::unescape;

use crate::domain_xml::tokens::{Token, read};
use crate::uuid::GuestUuid;

/// The name and the uuid of a guest. The name can change (`virsh domrename`), the uuid cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestIdentity {
    /// Its name: any text.
    pub name: String,
    /// Its uuid, if the document has a valid one.
    pub uuid: Option<GuestUuid>,
}

/// The first `<name>` and `<uuid>` of the `<domain>` in `document`. `None` if it is not a
/// well-formed domain.
pub fn guest_identity(document: &[u8]) -> Option<GuestIdentity> {
    let mut finder = Finder::default();
    read(document, |text, token| finder.see(text, &token)).ok()?;
    finder.is_domain.then_some(())?;
    let text = |content: Option<Range<usize>>| {
        let bytes = content
            .and_then(|range| document.get(range))
            .unwrap_or_default();
        let text = String::from_utf8_lossy(bytes);
        unescape(&text).map_or_else(|_| text.to_string(), |text| text.into_owned())
    };
    Some(GuestIdentity {
        name: text(finder.name),
        uuid: text(finder.uuid).trim().parse().ok(),
    })
}

/// The content of `<name>` and `<uuid>`.
#[derive(Default)]
struct Finder {
    depth: usize,
    is_domain: bool,
    /// Which of the two elements is open, and where its content starts.
    open: Option<(Which, usize)>,
    name: Option<Range<usize>>,
    uuid: Option<Range<usize>>,
}

#[derive(Clone, Copy)]
enum Which {
    Name,
    Uuid,
}

impl Finder {
    fn see(&mut self, text: &str, token: &Token) {
        match token {
            Token::Start(tag) => {
                let start = tag.range.end;
                match (self.depth, &text[tag.name.clone()]) {
                    (0, name) => self.is_domain = name == "domain",
                    (1, "name") if self.name.is_none() => self.open = Some((Which::Name, start)),
                    (1, "uuid") if self.uuid.is_none() => self.open = Some((Which::Uuid, start)),
                    _ => (),
                }
                self.depth += 1;
            }
            Token::Empty(tag) if self.depth == 0 => {
                self.is_domain = &text[tag.name.clone()] == "domain";
            }
            Token::Empty(_) => (),
            Token::End(range) => {
                self.depth -= 1;
                self.close(range.start);
            }
        }
    }

    fn close(&mut self, end: usize) {
        if self.depth != 1 || !self.is_domain {
            return;
        }
        match self.open.take() {
            Some((Which::Name, start)) => self.name = Some(start..end),
            Some((Which::Uuid, start)) => self.uuid = Some(start..end),
            None => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn identity_is_the_name_and_uuid_of_the_domain() {
        let uuid = "c7a5fdbd-edaf-9455-926a-d65c16db1809";
        let xml = format!(
            "<domain id='3'><name>a &amp; b</name><metadata><name>no</name></metadata>\
             <uuid>\n  {}\n</uuid><name>no</name><devices><uuid>no</uuid></devices></domain>",
            uuid.to_uppercase()
        );
        let guest = guest_identity(xml.as_bytes());
        let expected = GuestIdentity {
            name: "a & b".to_owned(),
            uuid: uuid.parse().ok(),
        };
        assert_eq!(guest, Some(expected));
    }

    #[test]
    fn malformed_uuid_is_ignored() {
        for uuid in [
            "",
            "../../../../../../../../../../../etc/a",
            "c7a5fdbdedaf9455926ad65c16db1809",
        ] {
            let xml = format!("<domain><uuid>{uuid}</uuid></domain>");
            assert_eq!(
                guest_identity(xml.as_bytes()),
                Some(GuestIdentity::default())
            );
        }
        assert_eq!(guest_identity(b"<domain>"), None);
        assert_eq!(guest_identity(b"<devices><name>x</name></devices>"), None);
        assert_eq!(guest_identity(b"<domain/>"), Some(GuestIdentity::default()));
    }
}
