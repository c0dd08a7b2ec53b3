//! The tags of a well-formed XML 1.0 document, with their byte ranges.
//!
//! quick-xml reads the document and matches end tags. It does not check names, attribute values,
//! references, comments, and text outside the root element: these checks are here and in `grammar`. Tests
//! compare every verdict with roxmltree, which builds a tree and is too slow for the hook.
//!
//! Namespaces are not resolved: a fragment may use a prefix that its document declares.

use std::ops::Range;

use memchr::{memchr, memchr_iter};
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use quick_xml::events::attributes::{AttrError, Attribute, Attributes};
use quick_xml::reader::Reader;

use crate::domain_xml::BYTES_MAX;
use crate::domain_xml::grammar::{bad_reference, forbidden_character, is_blank, is_name};

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `<name …>`
    Start(Tag),
    /// `<name …/>`
    Empty(Tag),
    /// `</name>`
    End(Range<usize>),
}

/// A start tag, as byte ranges of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// From `<` to the byte after `>`.
    pub(crate) range: Range<usize>,
    /// The name.
    pub(crate) name: Range<usize>,
    /// Everything after the name, without `>` or `/>`.
    attributes: Range<usize>,
    /// Whether one of its attributes is `xmlns`.
    has_xmlns: bool,
}

/// Why a document is refused, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused<'d> {
    /// Longer than libvirt accepts.
    TooLarge,
    /// Not UTF-8.
    NotUtf8(usize),
    /// Another encoding is declared: its name.
    Declared(usize, &'d str),
    /// A document type.
    Dtd(usize),
    /// Not well-formed, and how.
    Broken(&'d str, Flaw),
}

/// What is wrong, and at which byte.
pub(crate) type Flaw = (usize, &'static str);

const NO_ATTRIBUTE: &str = "this is not a valid attribute";
const NO_REFERENCE: &str = "an unknown entity or an invalid character reference";
const OUTSIDE: &str = "text outside the root element";

/// Calls `see` with each tag of `document`, in order.
///
/// # Errors
/// When the document is not well-formed UTF-8 or has a document type. `explain` has the messages.
pub(crate) fn read(document: &[u8], mut see: impl FnMut(&str, Token)) -> Result<(), Refused<'_>> {
    if document.len() > BYTES_MAX {
        return Err(Refused::TooLarge);
    }
    let text =
        std::str::from_utf8(document).map_err(|error| Refused::NotUtf8(error.valid_up_to()))?;
    if let Some(at) = forbidden_character(text) {
        let flaw = (at, "a character that XML does not allow");
        return Err(Refused::Broken(text, flaw));
    }
    let mut tokens = Tokens::new(text);
    while let Some(token) = tokens.next()? {
        see(text, token);
    }
    Ok(())
}

struct Tokens<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    /// Where the document starts: after a byte order mark, which quick-xml does not count.
    start: usize,
    /// How many elements are open.
    depth: usize,
    seen_root: bool,
}

impl<'t> Tokens<'t> {
    fn new(text: &'t str) -> Self {
        let mark = text.chars().next().filter(|first| *first == '\u{feff}');
        Self {
            text,
            reader: Reader::from_str(text),
            start: mark.map_or(0, char::len_utf8),
            depth: 0,
            seen_root: false,
        }
    }

    /// The byte position in the text, from quick-xml's position.
    fn place(&self, position: u64) -> usize {
        self.start + position as usize
    }

    fn next(&mut self) -> Result<Option<Token>, Refused<'t>> {
        loop {
            let start = self.place(self.reader.buffer_position());
            let event = self.reader.read_event();
            let range = start..self.place(self.reader.buffer_position());
            match event {
                Ok(Event::Start(tag)) => {
                    let tag = self.tag(range, tag.name().as_ref().len(), ">")?;
                    self.depth += 1;
                    return Ok(Some(Token::Start(tag)));
                }
                Ok(Event::Empty(tag)) => {
                    let tag = self.tag(range, tag.name().as_ref().len(), "/>")?;
                    return Ok(Some(Token::Empty(tag)));
                }
                Ok(Event::End(_)) => {
                    self.depth -= 1;
                    return Ok(Some(Token::End(range)));
                }
                Ok(Event::Eof) if self.depth == 0 && self.seen_root => return Ok(None),
                Ok(Event::DocType(_)) => return Err(Refused::Dtd(start)),
                Ok(Event::Decl(_)) => self.declaration(range)?,
                Ok(other) => self.content(&other, range)?,
                Err(_) if self.text[start..].starts_with("<!DOCTYPE") => {
                    return Err(Refused::Dtd(start));
                }
                Err(error) => {
                    let at = self.place(self.reader.error_position());
                    return Err(Refused::Broken(self.text, (at, reason_of(&error))));
                }
            }
        }
    }

    /// Checks the start tag at `range`, which ends with `closing`.
    fn tag(&mut self, range: Range<usize>, name: usize, closing: &str) -> Result<Tag, Refused<'t>> {
        let name = range.start + 1..range.start + 1 + name;
        let attributes = name.end..range.end - closing.len();
        let mut has_xmlns = false;
        let flaw = if self.depth == 0 && std::mem::replace(&mut self.seen_root, true) {
            Some((range.start, "a second root element"))
        } else if !is_name(&self.text[name.clone()]) {
            Some((name.start, "this is not a valid element name"))
        } else {
            flaw_of_attributes(self.text, attributes.clone(), |name| {
                has_xmlns |= name == "xmlns";
            })
        };
        self.refuse(flaw)?;
        Ok(Tag {
            range,
            name,
            attributes,
            has_xmlns,
        })
    }

    /// Checks everything that is neither a tag nor the declaration.
    fn content(&self, event: &Event<'_>, range: Range<usize>) -> Result<(), Refused<'t>> {
        let text = &self.text[range.clone()];
        let is_outside = self.depth == 0;
        let flaw = match event {
            Event::Eof => Some((0, "the document ends before the root element is closed")),
            Event::Text(_) if is_outside => (!text.chars().all(is_blank)).then_some((0, OUTSIDE)),
            Event::GeneralRef(_) | Event::CData(_) if is_outside => Some((0, OUTSIDE)),
            Event::Text(_) => memchr_iter(b'>', text.as_bytes())
                .find(|at| text[..*at].ends_with("]]"))
                .map(|at| (at - 2, "]]> in text")),
            Event::GeneralRef(_) => bad_reference(text).map(|at| (at, NO_REFERENCE)),
            Event::Comment(comment) => (has_double_hyphen(comment) || comment.ends_with('-'))
                .then_some((0, "-- in a comment")),
            Event::PI(instruction) => {
                let target = instruction.target();
                let is_sound = is_name(target) && !target.eq_ignore_ascii_case("xml");
                (!is_sound).then_some((0, "this is not a valid name of a processing instruction"))
            }
            _ => None,
        };
        self.refuse(flaw.map(|(at, what)| (range.start + at, what)))
    }

    /// `<?xml version='1.0' encoding='UTF-8' standalone='yes'?>`, in this order.
    fn declaration(&self, range: Range<usize>) -> Result<(), Refused<'t>> {
        let words = range.start + "<?xml".len()..range.end - "?>".len();
        self.refuse(flaw_of_attributes(self.text, words.clone(), |_| {}))?;
        let mut expected = ["version", "encoding", "standalone"].into_iter();
        let (mut other, mut versioned, mut is_known) = (None, false, true);
        for (name, place) in attributes(self.text, words) {
            let value = &self.text[place];
            is_known &= expected.any(|known| known == name);
            versioned |= name == "version" && value.starts_with("1.");
            let is_utf8 = ["utf-8", "us-ascii", "ascii"]
                .iter()
                .any(|e| value.eq_ignore_ascii_case(e));
            if name == "encoding" && !is_utf8 {
                other = Some(value);
            }
        }
        if range.start != self.start || !is_known || !versioned {
            let what = "the XML declaration is not at the start, has no version, or is not valid";
            return Err(Refused::Broken(self.text, (range.start, what)));
        }
        other.map_or(Ok(()), |name| Err(Refused::Declared(range.start, name)))
    }

    fn refuse(&self, flaw: Option<Flaw>) -> Result<(), Refused<'t>> {
        flaw.map_or(Ok(()), |flaw| Err(Refused::Broken(self.text, flaw)))
    }
}

fn has_double_hyphen(comment: &str) -> bool {
    comment.as_bytes().windows(2).any(|pair| pair == b"--")
}

fn reason_of(error: &Error) -> &'static str {
    match error {
        Error::IllFormed(IllFormedError::UnclosedReference) => NO_REFERENCE,
        Error::IllFormed(_) => "this end tag does not match the open element",
        _ => "a tag, comment or section is not closed",
    }
}

/// The first error in the attributes at `range`. quick-xml accepts any name, any value, and missing blanks
/// between attributes. Calls `see_name` with each name.
fn flaw_of_attributes(
    text: &str,
    range: Range<usize>,
    mut see_name: impl FnMut(&str),
) -> Option<Flaw> {
    let content = &text[range.clone()];
    let mut end = usize::MAX;
    Attributes::new(content, 0).find_map(|attribute| {
        let (at, what) = match attribute {
            Ok(Attribute { key, value }) => {
                see_name(key.0);
                let (start, before) = (offset(content, key.0), end);
                let value_start = offset(content, &value);
                end = value_start + value.len() + 1;
                if !is_name(key.0) || start == before {
                    (start, NO_ATTRIBUTE)
                } else if let Some(at) = memchr(b'<', value.as_bytes()) {
                    (value_start + at, "< in a value")
                } else {
                    (value_start + bad_reference(&value)?, NO_REFERENCE)
                }
            }
            Err(AttrError::Duplicated(at, _)) => (at, "this attribute occurs twice"),
            Err(
                AttrError::ExpectedEq(at)
                | AttrError::ExpectedValue(at)
                | AttrError::UnquotedValue(at)
                | AttrError::ExpectedQuote(at, _),
            ) => (at, NO_ATTRIBUTE),
        };
        Some((range.start + at, what))
    })
}

/// Names and value ranges (without quotes) of the attributes at `range`, which are already checked.
fn attributes(text: &str, range: Range<usize>) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut attributes = Attributes::new(&text[range], 0);
    attributes.with_checks(false);
    attributes
        .filter_map(Result::ok)
        .map(|Attribute { key, value }| {
            let start = offset(text, &value);
            (key.0, start..start + value.len())
        })
}

impl Tag {
    /// Its name in `text`, the document.
    pub(crate) fn name<'t>(&self, text: &'t str) -> &'t str {
        &text[self.name.clone()]
    }

    /// The range of an attribute's value, without its quotes.
    pub(crate) fn place_of_value(&self, text: &str, name: &str) -> Option<Range<usize>> {
        attributes(text, self.attributes.clone())
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The value of an attribute, with its references resolved.
    pub(crate) fn value(&self, text: &str, name: &str) -> Option<String> {
        let place = self.place_of_value(text, name)?;
        let value = unescape(&text[place]).ok()?;
        Some(value.into_owned())
    }

    /// The names of the attributes that have this value.
    pub(crate) fn names_of<'t>(&self, text: &'t str, value: &str) -> impl Iterator<Item = &'t str> {
        attributes(text, self.attributes.clone())
            .filter(move |(_, place)| {
                unescape(&text[place.clone()]).is_ok_and(|known| known == value)
            })
            .map(|(name, _)| name)
    }

    /// Whether an attribute has this value.
    pub(crate) fn says(&self, text: &str, name: &str, value: &str) -> bool {
        self.value(text, name).as_deref() == Some(value)
    }

    /// Whether it sets a default namespace: libvirt reads only elements without one.
    pub(crate) fn is_in_namespace(&self, text: &str) -> bool {
        self.has_xmlns && !self.says(text, "xmlns", "")
    }
}

/// The offset of `part` in `text`.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    fn verdict(document: &str) -> Result<(), String> {
        let read = read(document.as_bytes(), |_, _| {});
        read.map_err(|refused| refused.explain(document.as_bytes()).to_string())
    }

    /// Whether roxmltree accepts a document. None for namespace errors, which this reader does not
    /// check.
    fn roxmltree_accepts(document: &str) -> Option<bool> {
        use roxmltree::Error;
        match roxmltree::Document::parse(document) {
            Ok(_) => Some(true),
            Err(
                Error::UnknownNamespace(..)
                | Error::DuplicatedNamespace(..)
                | Error::InvalidXmlPrefixUri(..)
                | Error::UnexpectedXmlUri(..)
                | Error::UnexpectedXmlnsUri(..)
                | Error::InvalidElementNamePrefix(..),
            ) => None,
            Err(_) => Some(false),
        }
    }

    #[test]
    fn well_formed_documents_are_accepted() {
        for document in [
            "<a/>",
            "\u{feff}<?xml version='1.0' encoding=\"utf-8\" standalone='no' ?>\r\n<a></a >\n<!-- x -->",
            "<a b='1'\tc = \"<'\" />".replace("<'", "'").as_str(),
            "<a>&amp;&#65;&#x1F600;<![CDATA[ <b> ]]]]><![CDATA[>]]><?php - ?></a>",
            "<é:ü ö='>'/>",
            "<a xmlns:q='u'><q:b q:c='1' c='1'/></a>",
            "<a>\u{85}\u{fffd}\u{10ffff}]] ></a>",
            "<a b='1' c='1' d='1' e='1' f='1' g='1' h='1' i='1' j='1' k='1'/>",
        ] {
            assert_eq!(verdict(document), Ok(()), "{document}");
        }
    }

    #[test]
    fn malformed_documents_are_refused() {
        for document in [
            "",
            " ",
            "a",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>b",
            "b<a/>",
            "<a",
            "<a b></a>",
            "<a b=1/>",
            "<a b='1'c='2'/>",
            "<a b='1' b='2'/>",
            "<a b='<'/>",
            "<a b='&x;'/>",
            "<a b='&'/>",
            "<a>&x;</a>",
            "<a>& </a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&#x;</a>",
            "<a>&#X41;</a>",
            "<a>]]></a>",
            "<a><!-- -- --></a>",
            "<a><!-- ---></a>",
            "<a><?xml ?></a>",
            " <?xml version='1.0'?><a/>",
            "<?xml?><a/>",
            "<?xml version='1.0' x='1'?><a/>",
            "<?xml encoding='utf-8'?><a/>",
            "<1a/>",
            "<a 1='b'/>",
            "<a>\u{1}</a>",
            "<a b='\u{0}'/>",
            "<a>\u{ffff}</a>",
            "< a/>",
            "<a / >",
            "<a><![CDATA[</a>",
            "&amp;<a/>",
            "<![CDATA[x]]><a/>",
            "<a/>\0",
            "<a b=''' />",
            "<a></ a>",
            "<a><b></a></b>",
            "<a><??></a>",
            "<a b='1' c='1' d='1' e='1' f='1' g='1' h='1' i='1' j='1' j='1'/>",
            "<a>&#+65;</a>",
        ] {
            assert!(verdict(document).is_err(), "{document:?}");
        }
    }

    #[test]
    fn refusal_tells_the_position_and_the_reason() {
        assert_eq!(
            verdict("<a>\n  <b></c>\n</a>"),
            Err(
                "the domain XML is not well-formed at line 2, column 6: expected 'b' tag, not 'c'"
                    .into()
            )
        );
        assert_eq!(
            verdict("<a>\n é<!DOCTYPE x></a>"),
            Err(
                "the domain XML has a document type (DOCTYPE) at line 2, column 3, which is not \
                 accepted"
                    .into()
            )
        );
        assert_eq!(
            verdict("<?xml version='1.0' encoding='latin1'?><a/>"),
            Err(
                "the domain XML is not UTF-8 at line 1, column 1: its declared encoding is \"latin1\""
                    .into()
            )
        );
        assert_eq!(read(b"<a>\n\xff</a>", |_, _| {}), Err(Refused::NotUtf8(4)));
        let huge = vec![b' '; BYTES_MAX + 1];
        assert_eq!(read(&huge, |_, _| {}), Err(Refused::TooLarge));
    }

    #[test]
    fn deep_nesting_is_read_without_recursion() {
        let deep = 1_000_000;
        let document = "<a>".repeat(deep) + &"</a>".repeat(deep);
        assert_eq!(verdict(&document), Ok(()));
        assert!(verdict(&document[..document.len() - 1]).is_err());
    }

    fn fragment() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<a>",
            "</a>",
            "<b/>",
            "<b c='1'/>",
            "<b c=\"1\" d='2'>",
            "</b>",
            "x",
            " ",
            "&amp;",
            "&#65;",
            "&",
            "]]>",
            "<![CDATA[",
            "]]",
            ">",
            "<!--",
            "-->",
            "--",
            "<?p ",
            "?>",
            "'",
            "\"",
            "<",
            "=",
            "\u{1}",
            "é",
            "<?xml version='1.0'?>",
            "<?xml ",
            "<!",
            "<!-",
            "<![",
            "</",
            "/>",
            "<a",
            " b='",
            "&#1;",
            ";",
            "\u{feff}",
            "<!DOCTYPE x>",
        ]);
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn documents_are_accepted_as_roxmltree_accepts_them(inner in fragment()) {
            let document = format!("<r>{inner}</r>");
            if let Some(accepted) = roxmltree_accepts(&document) {
                prop_assert_eq!(verdict(&document).is_ok(), accepted, "{}", document);
            }
        }

        #[test]
        fn fragments_are_accepted_as_roxmltree_accepts_them(document in fragment()) {
            if let Some(accepted) = roxmltree_accepts(&document) {
                prop_assert_eq!(verdict(&document).is_ok(), accepted, "{}", document);
            }
        }
    }
}
