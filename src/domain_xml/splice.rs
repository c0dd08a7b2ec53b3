//! Inserts a guest's cards into its domain XML.

use crate::domain_xml::XmlError;
use crate::domain_xml::edit::{Edit, apply};
use crate::domain_xml::outline::{Element, outline};
use crate::domain_xml::write::{self, Hostdev, Line};
use crate::pci::PciAddress;

/// [`splice_hostdevs`] for `cards` that libvirt binds to a VFIO driver.
///
/// # Errors
/// When the document is refused: see [`XmlError`].
pub fn splice(document: &[u8], cards: &[PciAddress]) -> Result<Vec<u8>, XmlError> {
    let managed = |address: &PciAddress| Hostdev {
        address: *address,
        is_managed: true,
    };
    splice_hostdevs(document, &cards.iter().map(managed).collect::<Vec<_>>())
}

/// `document`, a `<domain>` or its `<devices>` alone, with each of these hostdevs at the end of the last
/// `<devices>`, except those whose function it claims already in any form. No other byte changes. Without
/// hostdevs the document is returned unread.
///
/// # Errors
/// When the document is refused: see [`XmlError`].
pub fn splice_hostdevs(document: &[u8], hostdevs: &[Hostdev]) -> Result<Vec<u8>, XmlError> {
    if hostdevs.is_empty() {
        return Ok(document.to_vec());
    }
    let outline = outline(document)?;
    let claimed: Vec<PciAddress> = outline.functions().collect();
    let missing = hostdevs
        .iter()
        .filter(|one| !claimed.contains(&one.address));
    let lines: Vec<Line> = missing.flat_map(|one| write::hostdev(*one)).collect();
    let edits = match (outline.devices, outline.domain) {
        _ if lines.is_empty() => Vec::new(),
        (Some(devices), _) => insertion(document, &devices, lines),
        (None, Some(domain)) => insertion(document, &domain, write::devices(lines)),
        (None, None) => Vec::new(),
    };
    Ok(apply(document, edits))
}

/// The edits that insert `lines` at the end of `parent`, in its layout.
fn insertion(document: &[u8], parent: &Element, lines: Vec<Line>) -> Vec<Edit> {
    let layout = Layout::of(document, parent);
    match parent.end_tag {
        Some(end) if layout.end_is_on_own_line => {
            let at = end - layout.closing.len();
            vec![edit(at, at, layout.lines(lines, false))]
        }
        Some(end) => vec![edit(end, end, layout.block(lines))],
        None => {
            let end_tag = format!(
                "</{}>",
                String::from_utf8_lossy(&document[parent.name.clone()])
            );
            let slash = parent.start_tag.end - "/>".len();
            vec![
                edit(slash, slash + 1, String::new()),
                edit(
                    parent.start_tag.end,
                    parent.start_tag.end,
                    layout.block(lines) + &end_tag,
                ),
            ]
        }
    }
}

fn edit(start: usize, end: usize, text: String) -> Edit {
    Edit {
        range: start..end,
        text,
    }
}

/// Indentation and line ends of an element's children.
struct Layout {
    /// The line end. Empty if everything is on one line.
    end_of_line: &'static str,
    /// The indentation of the element's end tag.
    closing: String,
    /// The indentation of its children.
    child: String,
    /// How much deeper each level is.
    step: String,
    /// Whether the end tag is on a line of its own.
    end_is_on_own_line: bool,
}

impl Layout {
    fn of(document: &[u8], parent: &Element) -> Self {
        let own = indentation(document, parent.start_tag.start);
        let end = parent.end_tag.and_then(|end| indentation(document, end));
        let content = parent.start_tag.end..parent.end_tag.unwrap_or(parent.start_tag.end);
        let is_one_line = !document[content.clone()].contains(&b'\n');
        let end_is_on_own_line = end.is_some() && !is_one_line;
        let closing = end
            .filter(|_| end_is_on_own_line)
            .or(own)
            .unwrap_or_default();
        let child = parent
            .last_child
            .and_then(|child| indentation(document, child));
        let is_flat = is_one_line && (own.is_none() || parent.last_child.is_some());
        let deeper = child.and_then(|child| child.strip_prefix(closing));
        let step = match deeper {
            Some(step) if !step.is_empty() => step,
            _ if closing.contains('\t') => "\t",
            _ => "  ",
        };
        Self {
            end_of_line: if is_flat {
                ""
            } else {
                end_of_line(document, content.start)
            },
            closing: closing.to_owned(),
            child: child.map_or_else(|| format!("{closing}{step}"), str::to_owned),
            step: step.to_owned(),
            end_is_on_own_line,
        }
    }

    /// `lines` on lines of their own, between two tags on one line.
    fn block(&self, lines: Vec<Line>) -> String {
        let text = self.lines(lines, true);
        match self.end_of_line {
            "" => text,
            end_of_line => format!("{text}{end_of_line}{}", self.closing),
        }
    }

    /// `lines` indented, with line ends before or after each.
    fn lines(&self, lines: Vec<Line>, end_first: bool) -> String {
        let end = |is_here| write::blanks(if is_here { self.end_of_line } else { "" });
        let is_flat = self.end_of_line.is_empty();
        let indentation: Vec<String> = (0..4)
            .map(|depth| format!("{}{}", self.child, self.step.repeat(depth)))
            .collect();
        let pieces = lines.into_iter().flat_map(|(depth, line)| {
            let indented = if is_flat { "" } else { &indentation[depth] };
            [
                end(end_first),
                write::blanks(indented),
                line,
                end(!end_first),
            ]
        });
        write::text(pieces)
    }
}

/// The blanks between the start of the line and `at`. `None` if there is anything else. The start of the
/// document is the start of a line.
fn indentation(document: &[u8], at: usize) -> Option<&str> {
    let is_blank = |b: &u8| *b == b' ' || *b == b'\t';
    let start = document[..at]
        .iter()
        .rposition(|b| !is_blank(b))
        .map_or(0, |i| i + 1);
    let before = &document[..start];
    let is_line_start = before.is_empty() || before.ends_with(b"\n") || before == b"\xef\xbb\xbf";
    is_line_start.then(|| std::str::from_utf8(&document[start..at]).unwrap_or_default())
}

/// The line end of the first line at or after `at`, else of the first line of the document.
fn end_of_line(document: &[u8], at: usize) -> &'static str {
    let newline = |from: usize| {
        document[from..]
            .iter()
            .position(|b| *b == b'\n')
            .map(|i| from + i)
    };
    match newline(at).or_else(|| newline(0)) {
        Some(end) if end > 0 && document[end - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}
