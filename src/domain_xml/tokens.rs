//! A strict reader: the tags of a well-formed XML 1.0 document, with their places.
//!
//! It is our own for one reason: a guest's start waits for it, and it is wanted five times as fast
//! as libxml2. roxmltree builds a tree in twice the time that is allowed, and quick-xml leaves
//! names, attributes, references and nesting to its caller, who then does most of the work anyway.
//! roxmltree is the judge: tests hold every verdict to its own, and it words the refusals.
//!
//! Namespaces are not resolved, for a fragment may use a prefix that its document declares.

use std::collections::BTreeSet;
use std::ops::Range;

use memchr::{memchr, memchr2, memmem};

use crate::domain_xml::BYTES_MAX;
use crate::domain_xml::grammar::{
    behind_blanks, check_reference, forbidden_character, is_blank, is_name, name_at,
};

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

/// A start tag, as places in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// From `<` to behind `>`.
    pub(crate) range: Range<usize>,
    /// The name.
    pub(crate) name: Range<usize>,
}

/// Why a document is not read, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused<'d> {
    /// More than libvirt would read.
    TooLarge,
    /// Bytes that are no UTF-8.
    NotUtf8(usize),
    /// Another encoding is declared, by this name.
    Declared(usize, &'d str),
    /// A document type.
    Dtd(usize),
    /// The grammar is broken, and how.
    Broken(&'d str, Flaw),
}

/// What is wrong, and at which byte.
pub(crate) type Flaw = (usize, &'static str);

const NOT_CLOSED: &str = "a tag, comment or section is not closed";
const NO_ATTRIBUTE: &str = "this is no attribute";

/// Calls `see` with each tag of `document` in turn.
///
/// # Errors
/// When the document is not well-formed UTF-8 without a document type. `explain` has words for it.
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
    loop {
        match tokens.next() {
            Ok(Next::Token(token)) => see(text, token),
            Ok(Next::Other) => {}
            Ok(Next::End) => return Ok(()),
            Ok(Next::Dtd(at)) => return Err(Refused::Dtd(at)),
            Ok(Next::Encoding(at, name)) => return Err(Refused::Declared(at, name)),
            Err(flaw) => return Err(Refused::Broken(text, flaw)),
        }
    }
}

enum Next<'t> {
    Token(Token),
    Other,
    End,
    Dtd(usize),
    Encoding(usize, &'t str),
}

struct Tokens<'t> {
    text: &'t str,
    at: usize,
    /// Where the document itself starts: behind a byte order mark.
    start: usize,
    open: Vec<&'t str>,
    seen_root: bool,
}

impl<'t> Tokens<'t> {
    fn new(text: &'t str) -> Self {
        let start = if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        Self {
            text,
            at: start,
            start,
            open: Vec::with_capacity(16),
            seen_root: false,
        }
    }

    fn next(&mut self) -> Result<Next<'t>, Flaw> {
        let rest = &self.text.as_bytes()[self.at..];
        match rest {
            [] if self.open.is_empty() && self.seen_root => Ok(Next::End),
            [] => Err((self.at, "the document ends too early")),
            [b'<', b'/', ..] => self.end_tag(),
            [b'<', b'?', ..] => self.instruction(),
            [b'<', b'!', ..] => self.markup(),
            [b'<', ..] => self.start_tag(),
            _ => self.characters(),
        }
    }

    /// The range from here to behind the next `closing`, and moves there.
    fn through(&mut self, opening: usize, closing: &[u8]) -> Result<Range<usize>, Flaw> {
        let from = self.at + opening;
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        let length = memmem::find(rest, closing).ok_or((self.at, NOT_CLOSED))?;
        let range = self.at..from + length + closing.len();
        self.at = range.end;
        Ok(range)
    }

    fn start_tag(&mut self) -> Result<Next<'t>, Flaw> {
        let start = self.at;
        if self.open.is_empty() && std::mem::replace(&mut self.seen_root, true) {
            return Err((start, "a second root element"));
        }
        let name =
            name_at(self.text, start + 1).ok_or((start + 1, "this is no name of an element"))?;
        let mut known: [Range<usize>; 8] = [const { 0..0 }; 8];
        // The few that nearly all tags have are looked through; a thousand must not cost a million.
        let mut more: BTreeSet<&str> = BTreeSet::new();
        let mut count = 0;
        let mut at = name.end;
        let (end, is_empty) = loop {
            match part_of_tag(self.text, at)? {
                Part::Attribute {
                    name: attribute,
                    value,
                } => {
                    let is_same = |other: &Range<usize>| {
                        self.text[other.clone()] == self.text[attribute.clone()]
                    };
                    let is_beyond = count >= known.len();
                    if known[..count.min(known.len())].iter().any(is_same)
                        || (is_beyond && !more.insert(&self.text[attribute.clone()]))
                    {
                        return Err((attribute.start, "an attribute that stands there twice"));
                    }
                    at = value.end + 1;
                    if let Some(free) = known.get_mut(count) {
                        *free = attribute;
                    }
                    count += 1;
                }
                Part::End(end) => break (end, false),
                Part::EmptyEnd(end) => break (end, true),
            }
        };
        self.at = end;
        let tag = Tag {
            range: start..end,
            name,
        };
        if is_empty {
            return Ok(Next::Token(Token::Empty(tag)));
        }
        self.open.push(&self.text[tag.name.clone()]);
        Ok(Next::Token(Token::Start(tag)))
    }

    fn end_tag(&mut self) -> Result<Next<'t>, Flaw> {
        let range = self.through(2, b">")?;
        let name = self.text[range.start + 2..range.end - 1].trim_end_matches(is_blank);
        match self.open.pop() {
            Some(open) if open == name => Ok(Next::Token(Token::End(range))),
            _ => Err((range.start, "this tag closes no open element")),
        }
    }

    fn characters(&mut self) -> Result<Next<'t>, Flaw> {
        let rest = &self.text[self.at..];
        let length = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        let range = self.at..self.at + length;
        self.at = range.end;
        let text = &self.text[range.clone()];
        if self.open.is_empty() {
            let is_nothing = text.chars().all(is_blank);
            return if is_nothing {
                Ok(Next::Other)
            } else {
                Err((range.start, "text outside of the root element"))
            };
        }
        let mut from = 0;
        while let Some(at) = memchr2(b'&', b']', &text.as_bytes()[from..]).map(|at| from + at) {
            let rest = &text[at..];
            if rest.starts_with('&') {
                check_reference(rest).map_err(|what| (range.start + at, what))?;
            } else if rest.starts_with("]]>") {
                return Err((range.start + at, "]]> in text"));
            }
            from = at + 1;
        }
        Ok(Next::Other)
    }

    /// A comment, a section or a document type.
    fn markup(&mut self) -> Result<Next<'t>, Flaw> {
        let rest = &self.text[self.at..];
        if rest.starts_with("<!--") {
            let range = self.through(4, b"--")?;
            if !self.text[range.end..].starts_with('>') {
                return Err((range.end - 2, "-- in a comment"));
            }
            self.at = range.end + 1;
        } else if rest.starts_with("<![CDATA[") {
            if self.open.is_empty() {
                return Err((self.at, "text outside of the root element"));
            }
            self.through(9, b"]]>")?;
        } else if rest.starts_with("<!DOCTYPE") {
            return Ok(Next::Dtd(self.at));
        } else {
            return Err((self.at, "this markup is none"));
        }
        Ok(Next::Other)
    }

    fn instruction(&mut self) -> Result<Next<'t>, Flaw> {
        let range = self.through(2, b"?>")?;
        let content = &self.text[range.start + 2..range.end - 2];
        let target = content.split(is_blank).next().unwrap_or_default();
        if target == "xml" && range.start == self.start {
            return self.declaration(range);
        }
        if !is_name(target) || target.eq_ignore_ascii_case("xml") {
            return Err((
                range.start,
                "this processing instruction has no name of its own",
            ));
        }
        Ok(Next::Other)
    }

    /// `<?xml version='1.0' encoding='UTF-8' standalone='yes'?>`, in this order.
    fn declaration(&self, range: Range<usize>) -> Result<Next<'t>, Flaw> {
        let mut expected = ["version", "encoding", "standalone"].into_iter();
        let mut other = None;
        let mut versioned = false;
        // As far as attributes go, a declaration is a tag that ends with `?>`.
        let end = range.end - "?>".len();
        let text = &self.text[..end];
        let mut at = range.start + "<?xml".len();
        while text[at..].chars().any(|c| !is_blank(c)) {
            let Part::Attribute { name, value } = part_of_tag(text, at)? else {
                return Err((at, NO_ATTRIBUTE));
            };
            at = value.end + 1;
            let (name, value) = (&self.text[name], &self.text[value]);
            if !expected.any(|known| known == name) {
                return Err((range.start, "an XML declaration that says something else"));
            }
            versioned |= name == "version" && value.starts_with("1.");
            let is_utf8 = ["utf-8", "us-ascii", "ascii"]
                .iter()
                .any(|e| value.eq_ignore_ascii_case(e));
            if name == "encoding" && !is_utf8 {
                other = Some(value);
            }
        }
        if !versioned {
            return Err((range.start, "an XML declaration without a version"));
        }
        Ok(other.map_or(Next::Other, |name| Next::Encoding(range.start, name)))
    }
}

/// What may stand in a start tag behind its name.
enum Part {
    /// `name="value"`: both places, without the quotes.
    Attribute {
        name: Range<usize>,
        value: Range<usize>,
    },
    /// `>`, and where it ends.
    End(usize),
    /// `/>`, and where it ends.
    EmptyEnd(usize),
}

/// The part of a start tag that stands at `at`, behind blanks.
fn part_of_tag(text: &str, at: usize) -> Result<Part, Flaw> {
    let bytes = text.as_bytes();
    let start = behind_blanks(bytes, at);
    match &bytes[start..] {
        [b'>', ..] => return Ok(Part::End(start + 1)),
        [b'/', b'>', ..] => return Ok(Part::EmptyEnd(start + 2)),
        [] => return Err((at, NOT_CLOSED)),
        _ if start == at => return Err((at, NO_ATTRIBUTE)),
        _ => {}
    }
    let name = name_at(text, start).ok_or((start, NO_ATTRIBUTE))?;
    let equals = behind_blanks(bytes, name.end);
    if bytes.get(equals) != Some(&b'=') {
        return Err((name.start, NO_ATTRIBUTE));
    }
    let quote_at = behind_blanks(bytes, equals + 1);
    let quote = match bytes.get(quote_at) {
        Some(quote @ (b'\'' | b'"')) => *quote,
        _ => return Err((name.start, NO_ATTRIBUTE)),
    };
    let value = quote_at + 1..value_end(text, quote_at + 1, quote)?;
    Ok(Part::Attribute { name, value })
}

/// Where the value that starts at `start` ends, checked on the way.
fn value_end(text: &str, start: usize, quote: u8) -> Result<usize, Flaw> {
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            b if b == quote => return Ok(at),
            b'<' => return Err((at, "< in a value")),
            b'&' => check_reference(&text[at..]).map_err(|what| (at, what))?,
            _ => {}
        }
    }
    Err((start, NOT_CLOSED))
}

/// The places of the names and values of a tag that is known to be sound; `from` is behind its
/// name.
pub(crate) fn attributes(
    text: &str,
    from: usize,
) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut at = from;
    std::iter::from_fn(move || match part_of_tag(text, at) {
        Ok(Part::Attribute { name, value }) => {
            at = value.end + 1;
            Some((name, value))
        }
        _ => None,
    })
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
            Err("the domain XML has a document type at line 2, column 3, which libvirt does not need".into())
        );
        assert_eq!(
            verdict("<?xml version='1.0' encoding='latin1'?><a/>"),
            Err(
                "the domain XML is not UTF-8 at line 1, column 1: it is declared as \"latin1\""
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
        ]);
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
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
