//! The domain in libvirt's file about a running guest: `<domstatus …>…<domain>…</domain></domstatus>`.

use std::ops::Range;

use crate::domain_xml::tokens::{Token, read};

/// The `<domain>` in a status file, byte for byte. `None` if the file is not well-formed or has none.
pub fn domain_of_status(document: &[u8]) -> Option<&[u8]> {
    let mut finder = Finder::default();
    read(document, |text, token| finder.see(text, &token)).ok()?;
    document.get(finder.domain?)
}

/// The first `<domain>` below the root.
#[derive(Default)]
struct Finder {
    depth: usize,
    start: Option<usize>,
    domain: Option<Range<usize>>,
}

impl Finder {
    fn see(&mut self, text: &str, token: &Token) {
        match token {
            Token::Start(tag) => {
                if self.depth == 1 && self.start.is_none() && tag.name(text) == "domain" {
                    self.start = Some(tag.range.start);
                }
                self.depth += 1;
            }
            Token::Empty(_) => (),
            Token::End(range) => {
                self.depth -= 1;
                if self.depth == 1 && self.domain.is_none() {
                    self.domain = self.start.map(|start| start..range.end);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn domain_of_a_status_file_is_the_element_below_the_root() {
        let domain = "<domain type='kvm' id='1'>\n<name>a</name><x><domain/></x></domain>";
        let status = format!(
            "<!-- x -->\n<domstatus state='running' pid='7'>\n<devices><device alias='a'/></devices>\n\
             {domain}\n<domain><name>b</name></domain></domstatus>\n"
        );
        let found = domain_of_status(status.as_bytes());
        assert_eq!(found, Some(domain.as_bytes()));
        for status in ["", "<domstatus><a/></domstatus>", "<domstatus><domain>"] {
            assert_eq!(domain_of_status(status.as_bytes()), None, "{status}");
        }
    }
}
