//! Why a document is refused, with line and column.

use std::fmt;

use thiserror::Error;

use crate::domain_xml::BYTES_MAX;
use crate::escape::Excerpt;
use crate::failure::{Code, Failure, UNCHANGED};

/// Line and column in a document, both from 1. Columns count characters.
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

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlError {
    /// Longer than libvirt accepts.
    #[error("the domain XML is longer than {BYTES_MAX} bytes, the most that libvirt accepts")]
    TooLarge,
    /// Bytes that are not UTF-8, or a declaration of another encoding.
    #[error("the domain XML is not UTF-8 at {place}{declared}")]
    NotUtf8 {
        /// Where.
        place: Place,
        /// `: its declared encoding is …`, or nothing.
        declared: String,
    },
    /// A document type. It could define endless entities.
    #[error("the domain XML has a document type (DOCTYPE) at {0}, which is not accepted")]
    Dtd(Place),
    /// Not well-formed XML.
    #[error("the domain XML is not well-formed at {place}: {reason}")]
    NotWellFormed {
        /// Where.
        place: Place,
        /// How.
        reason: String,
    },
    /// Not domain XML.
    #[error("the element at {place} is {}, not <domain>", Excerpt(.element))]
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

/// The `<devices>` of a guest are refused. Rocks makes them, and the whole document is not known.
#[derive(Debug, Error)]
#[error("cannot add the cards of {guest}: its <devices> is invalid (line 1 is <devices>)")]
pub struct DevicesError {
    /// The guest, safe on a terminal.
    pub guest: String,
    /// Why.
    pub source: XmlError,
}

impl Failure for DevicesError {
    fn codes(&self) -> Vec<Code> {
        self.source.codes()
    }

    fn state(&self) -> Option<String> {
        self.source.state()
    }

    fn remedies(&self) -> Vec<String> {
        vec![format!(
            "check the attributes kvm_device_0, kvm_device_1, … with `rocks list host attr {}`: their text is \
             part of <devices>",
            self.guest
        )]
    }
}
