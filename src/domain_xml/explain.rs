//! Error messages for documents. They are apart from the reader because the hook does not report bad XML
//! and stays small without them.

use crate::domain_xml::tokens::{Flaw, Refused, Token};
use crate::domain_xml::{Place, XmlError, tokens};
use crate::escape::{Excerpt, printable};

/// The time of roxmltree grows with the square of a tag's attributes, and faster with nested namespaces. Up
/// to these limits it takes a fraction of a second.
const EXPLAINED_BYTES_MAX: usize = 64 * 1024;
const EXPLAINED_NAMESPACES_MAX: usize = 16;

/// Calls `see` with each tag of `document`, in order.
///
/// # Errors
/// When the document is not well-formed UTF-8 or has a document type: why, and where.
pub(crate) fn read(document: &[u8], see: impl FnMut(&str, Token)) -> Result<(), XmlError> {
    tokens::read(document, see).map_err(|refused| refused.explain(document))
}

impl Refused<'_> {
    /// The error message about `document`.
    pub(super) fn explain(self, document: &[u8]) -> XmlError {
        let place = |at| Place::of(document, at);
        match self {
            Self::TooLarge => XmlError::TooLarge,
            Self::NotUtf8(at) => XmlError::NotUtf8 {
                place: place(at),
                declared: String::new(),
            },
            Self::Declared(at, name) => XmlError::NotUtf8 {
                place: place(at),
                declared: format!(": its declared encoding is {}", Excerpt(name)),
            },
            Self::Dtd(at) => XmlError::Dtd(place(at)),
            Self::Broken(text, flaw) => explain(text, flaw),
        }
    }
}

/// roxmltree's message, which is the most precise, if it refuses the document too and knows the position.
/// For a truncated document it does not. Large documents are not given to it, because it would take too
/// long.
fn explain(text: &str, (at, reason): Flaw) -> XmlError {
    let is_cheap = text.len() <= EXPLAINED_BYTES_MAX
        && text
            .matches("xmlns")
            .nth(EXPLAINED_NAMESPACES_MAX)
            .is_none();
    let objection = is_cheap
        .then(|| roxmltree::Document::parse(text).err())
        .flatten();
    let nowhere = roxmltree::TextPos::new(1, 1);
    let (place, reason) = match objection {
        Some(error) if !is_allowed_here(&error) && error.pos() != nowhere => {
            let place = Place {
                line: error.pos().row as usize,
                column: error.pos().col as usize,
            };
            let place_said = format!(" at {}:{}", error.pos().row, error.pos().col);
            (
                place,
                printable(error.to_string().replace(&place_said, "").as_bytes()).into_owned(),
            )
        }
        _ => (Place::of(text.as_bytes(), at), reason.to_owned()),
    };
    XmlError::NotWellFormed { place, reason }
}

/// Whether roxmltree refuses what `tokens` allows: namespaces are not resolved, because a fragment may use a
/// prefix that its document declares. A document type has a message of its own.
fn is_allowed_here(error: &roxmltree::Error) -> bool {
    use roxmltree::Error;
    matches!(
        error,
        Error::DtdDetected
            | Error::UnknownNamespace(..)
            | Error::DuplicatedNamespace(..)
            | Error::InvalidXmlPrefixUri(..)
            | Error::UnexpectedXmlUri(_)
            | Error::UnexpectedXmlnsUri(_)
            | Error::InvalidElementNamePrefix(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn refusal_has_a_message_with_the_position() {
        let told = |document: &[u8]| read(document, |_, _| {}).map_err(|why| why.to_string());
        assert_eq!(
            told(b"<a>\n\xff</a>"),
            Err("the domain XML is not UTF-8 at line 2, column 1".into())
        );
        assert_eq!(told(b"<a/>"), Ok(()));
    }

    #[test]
    fn undeclared_prefix_does_not_hide_the_error() {
        let why = read(b"<devices><q:x/><a></b></devices>", |_, _| {});
        assert_eq!(
            why.map_err(|why| why.to_string()),
            Err(
                "the domain XML is not well-formed at line 1, column 19: this end tag does not \
                 match the open element"
                    .into()
            )
        );
    }

    #[test]
    fn document_that_roxmltree_reads_slowly_is_refused_at_once() {
        // roxmltree takes minutes for this one.
        let nested: String = (0..2000).map(|n| format!("<a xmlns:p{n}='{n}'>")).collect();
        assert!(nested.len() < EXPLAINED_BYTES_MAX);
        assert!(read(nested.as_bytes(), |_, _| {}).is_err());
    }
}
