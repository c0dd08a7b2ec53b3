//! Why a document is refused, and where.

use std::fmt;

use thiserror::Error;

use crate::domain_xml::BYTES_MAX;
use crate::escape::Excerpt;
use crate::failure::{Code, Failure, UNCHANGED};

/// A place in a document, counted from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// The place of the byte at `offset`.
    pub(crate) fn of(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |i| i + 1);
        Self {
            line: 1 + before.iter().filter(|b| **b == b'\n').count(),
            column: 1 + String::from_utf8_lossy(&before[line_start..])
                .chars()
                .count(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a document is not touched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlError {
    /// More than libvirt would read.
    #[error("the domain XML is longer than the {BYTES_MAX} bytes that libvirt reads")]
    TooLarge,
    /// Bytes that are no UTF-8, or a declaration that says so.
    #[error("the domain XML is not UTF-8 at {place}{declared}")]
    NotUtf8 {
        /// Where.
        place: Place,
        /// `: it is declared as …`, or nothing.
        declared: String,
    },
    /// A document type, which could define entities without end.
    #[error("the domain XML has a document type at {0}, which libvirt does not need")]
    Dtd(Place),
    /// The grammar of XML is broken.
    #[error("the domain XML is not well-formed at {place}: {reason}")]
    NotWellFormed {
        /// Where.
        place: Place,
        /// How.
        reason: String,
    },
    /// Some other document.
    #[error("the document at {place} is {}, and not a <domain>", Excerpt(.element))]
    NotADomain {
        /// Where its element starts.
        place: Place,
        /// Its name.
        element: String,
    },
}

impl Failure for XmlError {
    fn codes(&self) -> Vec<Code> {
        vec![match self {
            Self::TooLarge => Code::XmlTooLarge,
            Self::NotUtf8 { .. } => Code::XmlNotUtf8,
            Self::Dtd(_) => Code::XmlDoctype,
            Self::NotWellFormed { .. } => Code::XmlNotWellFormed,
            Self::NotADomain { .. } => Code::XmlNotADomain,
        }]
    }

    fn state(&self) -> Option<String> {
        Some(UNCHANGED.to_owned())
    }

    fn remedies(&self) -> Vec<String> {
        Vec::new()
    }
}
