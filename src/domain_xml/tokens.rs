//! A strict reader: the tokens of a well-formed XML 1.0 document, with their places.
//!
//! quick-xml finds where tokens begin and end. What it leaves to its callers is checked here:
//! characters, names, attributes, references, nesting, one root. Namespaces are not resolved, for a
//! fragment may use a prefix that its document declares.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::domain_xml::{BYTES_MAX, Place, XmlError};

/// A token that matters to the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `<name …>`
    Start(Tag),
    /// `<name …/>`
    Empty(Tag),
    /// `</name>`
    End(Range<usize>),
}

/// A start tag, as places in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// From `<` to behind `>`.
    pub(crate) range: Range<usize>,
    /// The name.
    pub(crate) name: Range<usize>,
}

/// What is wrong, and at which byte.
type Flaw = (usize, &'static str);

const NOT_CLOSED: &str = "a tag, comment or section is not closed";

/// Calls `see` with each tag of `document` in turn.
///
/// # Errors
/// When the document is not well-formed UTF-8 without a document type.
pub(crate) fn read(document: &[u8], mut see: impl FnMut(&str, Token)) -> Result<(), XmlError> {
    if document.len() > BYTES_MAX {
        return Err(XmlError::TooLarge(document.len()));
    }
    let text = std::str::from_utf8(document).map_err(|error| XmlError::NotUtf8 {
        place: Place::of(document, error.valid_up_to()),
        declared: String::new(),
    })?;
    let mut tokens = Tokens::new(text);
    loop {
        match tokens.next() {
            Ok(Next::Token(token)) => see(text, token),
            Ok(Next::Other) => {}
            Ok(Next::End) => return Ok(()),
            Ok(Next::Dtd(at)) => return Err(XmlError::Dtd(Place::of(document, at))),
            Ok(Next::Encoding(at, name)) => {
                return Err(XmlError::NotUtf8 {
                    place: Place::of(document, at),
                    declared: format!(": it is declared as {name:?}"),
                });
            }
            Err(flaw) => return Err(explain(text, flaw)),
        }
    }
}

enum Next {
    Token(Token),
    Other,
    End,
    Dtd(usize),
    Encoding(usize, String),
}

struct Tokens<'t> {
    text: &'t str,
    /// Bytes before what the reader counts from: a byte order mark.
    skipped: usize,
    reader: Reader<&'t [u8]>,
    open: Vec<&'t str>,
    seen_root: bool,
}

impl<'t> Tokens<'t> {
    fn new(text: &'t str) -> Self {
        let document = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader::from_str(document);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.check_comments = true;
        Self {
            text,
            skipped: text.len() - document.len(),
            reader,
            open: Vec::with_capacity(16),
            seen_root: false,
        }
    }

    fn position(&self) -> usize {
        self.skipped + self.reader.buffer_position() as usize
    }

    fn next(&mut self) -> Result<Next, Flaw> {
        let start = self.position();
        let event = self.reader.read_event().map_err(|_| (start, NOT_CLOSED))?;
        let range = start..self.position();
        match event {
            Event::Start(_) => {
                let tag = self.tag(range, 1)?;
                self.open.push(&self.text[tag.name.clone()]);
                Ok(Next::Token(Token::Start(tag)))
            }
            Event::Empty(_) => Ok(Next::Token(Token::Empty(self.tag(range, 2)?))),
            Event::End(_) => self.end(range),
            Event::Text(_) => self.text(range),
            Event::GeneralRef(_) => self.reference(range),
            Event::CData(_) => self.section(range),
            Event::Comment(_) => self.comment(range),
            Event::PI(_) => self.instruction(range),
            Event::Decl(_) => self.declaration(range),
            Event::DocType(_) => Ok(Next::Dtd(start)),
            Event::Eof if self.open.is_empty() && self.seen_root => Ok(Next::End),
            Event::Eof => Err((start, "the document ends too early")),
        }
    }

    fn tag(&mut self, range: Range<usize>, closing: usize) -> Result<Tag, Flaw> {
        if self.open.is_empty() && std::mem::replace(&mut self.seen_root, true) {
            return Err((range.start, "a second root element"));
        }
        let inner = range.start + 1..range.end - closing;
        let content = &self.text[inner.clone()];
        let length = content.find(is_blank).unwrap_or(content.len());
        let name = inner.start..inner.start + length;
        if !is_name(&self.text[name.clone()]) {
            return Err((name.start, "this is no name of an element"));
        }
        check_attributes(self.text, name.end..inner.end)?;
        Ok(Tag { range, name })
    }

    fn end(&mut self, range: Range<usize>) -> Result<Next, Flaw> {
        let name = self.text[range.start + 2..range.end - 1].trim_end_matches(is_blank);
        match self.open.pop() {
            Some(open) if open == name => Ok(Next::Token(Token::End(range))),
            _ => Err((range.start, "this tag closes no open element")),
        }
    }

    fn text(&self, range: Range<usize>) -> Result<Next, Flaw> {
        let text = &self.text[range.clone()];
        if self.open.is_empty() && !text.chars().all(is_blank) {
            return Err((range.start, "text outside of the root element"));
        }
        match text.find("]]>") {
            Some(at) => Err((range.start + at, "]]> in text")),
            None => self.characters(range),
        }
    }

    fn reference(&self, range: Range<usize>) -> Result<Next, Flaw> {
        if self.open.is_empty() || !is_reference(&self.text[range.clone()]) {
            return Err((range.start, "a reference to nothing"));
        }
        Ok(Next::Other)
    }

    fn section(&self, range: Range<usize>) -> Result<Next, Flaw> {
        if self.open.is_empty() {
            return Err((range.start, "text outside of the root element"));
        }
        self.characters(range)
    }

    fn comment(&self, range: Range<usize>) -> Result<Next, Flaw> {
        // quick-xml finds -- in the middle of a comment, but not a - before its end.
        let content = &self.text[range.start + "<!--".len()..range.end - "-->".len()];
        if content.ends_with('-') {
            return Err((range.start, "-- in a comment"));
        }
        self.characters(range)
    }

    fn instruction(&self, range: Range<usize>) -> Result<Next, Flaw> {
        let content = &self.text[range.start + 2..range.end - 2];
        let target = content.split(is_blank).next().unwrap_or_default();
        if !is_name(target) || target.eq_ignore_ascii_case("xml") {
            return Err((
                range.start,
                "this processing instruction has no name of its own",
            ));
        }
        self.characters(range)
    }

    /// `<?xml version='1.0' encoding='UTF-8' standalone='yes'?>`, in this order, at the very start.
    fn declaration(&self, range: Range<usize>) -> Result<Next, Flaw> {
        if range.start != self.skipped {
            return Err((range.start, "an XML declaration that is not at the start"));
        }
        let mut expected = ["version", "encoding", "standalone"].into_iter();
        let mut other = None;
        let mut versioned = false;
        for attribute in attributes(self.text, range.start + 5..range.end - 2) {
            let (name, value) = attribute?;
            let (name, value) = (&self.text[name], &self.text[value]);
            if !expected.any(|known| known == name) {
                return Err((range.start, "an XML declaration that says something else"));
            }
            versioned |= name == "version" && value.starts_with("1.");
            let is_utf8 = ["utf-8", "us-ascii", "ascii"]
                .iter()
                .any(|e| value.eq_ignore_ascii_case(e));
            if name == "encoding" && !is_utf8 {
                other = Some(value.to_owned());
            }
        }
        if !versioned {
            return Err((range.start, "an XML declaration without a version"));
        }
        Ok(other.map_or(Next::Other, |name| Next::Encoding(range.start, name)))
    }

    fn characters(&self, range: Range<usize>) -> Result<Next, Flaw> {
        check_characters(self.text, range).map(|()| Next::Other)
    }
}

/// The words of roxmltree, which says best what is wrong, where it objects too.
fn explain(text: &str, (at, reason): Flaw) -> XmlError {
    let objection = roxmltree::Document::parse(text).err();
    let (place, reason) = match objection {
        Some(error) if !matches!(error, roxmltree::Error::DtdDetected) => {
            let place = Place {
                line: error.pos().row as usize,
                column: error.pos().col as usize,
            };
            let words = error.to_string();
            let place_said = format!(" at {}:{}", error.pos().row, error.pos().col);
            (place, words.replace(&place_said, ""))
        }
        _ => (Place::of(text.as_bytes(), at), reason.to_owned()),
    };
    XmlError::NotWellFormed { place, reason }
}

/// Checks the attributes that stand in `range`: each with its blank, its name, its quoted value,
/// none of them twice.
fn check_attributes(text: &str, range: Range<usize>) -> Result<(), Flaw> {
    if range.is_empty() {
        return Ok(());
    }
    let mut names: [&str; 8] = [""; 8];
    for (count, attribute) in attributes(text, range.clone()).enumerate() {
        let (name, value) = attribute?;
        let known = &text[name.clone()];
        let before = &names[..count.min(names.len())];
        let is_beyond = count >= names.len();
        if before.contains(&known) || (is_beyond && is_twice(text, range.clone(), known)) {
            return Err((name.start, "an attribute that stands there twice"));
        }
        if let Some(free) = names.get_mut(count) {
            *free = known;
        }
        check_value(text, value)?;
    }
    Ok(())
}

fn is_twice(text: &str, range: Range<usize>, name: &str) -> bool {
    let same = |attribute: &Result<Attribute, Flaw>| {
        attribute
            .as_ref()
            .is_ok_and(|(known, _)| &text[known.clone()] == name)
    };
    attributes(text, range).filter(same).nth(1).is_some()
}

fn check_value(text: &str, range: Range<usize>) -> Result<(), Flaw> {
    let value = &text[range.clone()];
    if value.bytes().any(|b| b == b'<' || b == b'&') {
        for (at, character) in value.match_indices(['<', '&']) {
            let rest = &value[at..];
            let reference = rest.find(';').map(|end| &rest[..=end]);
            if character == "<" || !reference.is_some_and(is_reference) {
                return Err((range.start + at, "this has no place in a value"));
            }
        }
    }
    check_characters(text, range)
}

/// The places of an attribute's name and of its value, without the quotes.
pub(crate) type Attribute = (Range<usize>, Range<usize>);

/// The attributes that stand in `range`, a part of a start tag behind its name.
pub(crate) fn attributes(
    text: &str,
    range: Range<usize>,
) -> impl Iterator<Item = Result<Attribute, Flaw>> {
    let mut rest = range;
    std::iter::from_fn(move || {
        let start = rest.start;
        let (next, behind) = attribute(&text[rest.clone()])?;
        rest = start + behind..rest.end;
        let moved = |r: Range<usize>| start + r.start..start + r.end;
        match next {
            Some((name, value)) => Some(Ok((moved(name), moved(value)))),
            None => {
                rest = rest.end..rest.end;
                Some(Err((start, "this is no attribute")))
            }
        }
    })
}

/// The attribute that `text` starts with, and where the next may start. Nothing when there are only
/// blanks left; no attribute when something else stands there.
fn attribute(text: &str) -> Option<(Option<Attribute>, usize)> {
    let bytes = text.as_bytes();
    let blanks = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|b| is_blank(**b as char)).count()
    };
    let name_start = blanks(0);
    if name_start == bytes.len() {
        return None;
    }
    let bad = Some((None, bytes.len()));
    if name_start == 0 {
        return bad;
    }
    let ends_name = |b: &u8| *b == b'=' || is_blank(*b as char);
    let Some(length) = bytes[name_start..].iter().position(ends_name) else {
        return bad;
    };
    let name = name_start..name_start + length;
    let equals = blanks(name.end);
    let quote_at = blanks(equals + 1);
    let (Some(b'='), Some(quote @ (b'\'' | b'"'))) = (bytes.get(equals), bytes.get(quote_at))
    else {
        return bad;
    };
    let Some(length) = bytes[quote_at + 1..].iter().position(|b| b == quote) else {
        return bad;
    };
    let value = quote_at + 1..quote_at + 1 + length;
    if !is_name(&text[name.clone()]) {
        return bad;
    }
    let behind = value.end + 1;
    Some((Some((name, value)), behind))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// XML 1.0, production 5.
fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(is_name_start) && characters.all(is_name_character)
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | '_' | ':'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
        | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

fn is_name_character(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// `&amp;` and its four sisters, or the number of a character that XML allows.
fn is_reference(text: &str) -> bool {
    let Some(name) = text
        .strip_prefix('&')
        .and_then(|rest| rest.strip_suffix(';'))
    else {
        return false;
    };
    let number = match name.strip_prefix('#') {
        None => return matches!(name, "amp" | "lt" | "gt" | "apos" | "quot"),
        Some(number) => number,
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    !digits.starts_with('+')
        && u32::from_str_radix(digits, radix)
            .ok()
            .and_then(char::from_u32)
            .is_some_and(|c| is_character(c) && (c >= ' ' || is_blank(c)))
}

/// XML 1.0, production 2: everything but control characters and the two that mean "no character".
fn check_characters(text: &str, range: Range<usize>) -> Result<(), Flaw> {
    let bytes = &text.as_bytes()[range.clone()];
    if !bytes.iter().any(|b| *b < b' ' || *b == 0xef) {
        return Ok(());
    }
    match text[range.clone()]
        .char_indices()
        .find(|(_, c)| !is_character(*c))
    {
        Some((at, _)) => Err((range.start + at, "a character that XML does not allow")),
        None => Ok(()),
    }
}

fn is_character(c: char) -> bool {
    (c >= ' ' || is_blank(c)) && c != '\u{fffe}' && c != '\u{ffff}'
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    fn verdict(document: &str) -> Result<(), String> {
        read(document.as_bytes(), |_, _| {}).map_err(|error| error.to_string())
    }

    /// What roxmltree says, but for namespaces, which are not our business.
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
    fn what_xml_allows_is_read() {
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
    fn what_xml_forbids_is_refused() {
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
    fn a_refusal_tells_the_place_and_the_reason() {
        assert_eq!(
            verdict("<a>\n  <b></c>\n</a>"),
            Err(
                "the domain XML is not well-formed at line 2, column 6: expected 'b' tag, not 'c'"
                    .into()
            )
        );
        assert_eq!(
            verdict("<a>\n é<!DOCTYPE x></a>"),
            Err("the domain XML has a document type at line 2, column 3, which libvirt does not need".into())
        );
        assert_eq!(
            verdict("<?xml version='1.0' encoding='latin1'?><a/>"),
            Err(
                "the domain XML is not UTF-8 at line 1, column 1: it is declared as \"latin1\""
                    .into()
            )
        );
        assert_eq!(
            read(b"<a>\n\xff</a>", |_, _| {}).map_err(|e| e.to_string()),
            Err("the domain XML is not UTF-8 at line 2, column 1".into())
        );
        let huge = vec![b' '; BYTES_MAX + 1];
        assert_eq!(
            read(&huge, |_, _| {}),
            Err(XmlError::TooLarge(BYTES_MAX + 1))
        );
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
        ]);
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn roxmltree_judges_the_same(inner in fragment()) {
            let document = format!("<r>{inner}</r>");
            if let Some(accepted) = roxmltree_accepts(&document) {
                prop_assert_eq!(verdict(&document).is_ok(), accepted, "{}", document);
            }
        }

        #[test]
        fn roxmltree_judges_bare_fragments_the_same(document in fragment()) {
            if let Some(accepted) = roxmltree_accepts(&document) {
                prop_assert_eq!(verdict(&document).is_ok(), accepted, "{}", document);
            }
        }
    }
}
