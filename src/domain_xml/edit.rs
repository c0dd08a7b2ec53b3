//! Edits of a text: ranges and their replacements.

use std::ops::Range;

/// What replaces the bytes of `range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
}

/// `document` with all `edits` applied. They must not overlap; their order does not matter.
pub(crate) fn apply(document: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| edit.range.start);
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = Vec::with_capacity(document.len() + added);
    let mut done = 0;
    for edit in edits {
        out.extend_from_slice(&document[done..edit.range.start]);
        out.extend_from_slice(edit.text.as_bytes());
        done = edit.range.end;
    }
    out.extend_from_slice(&document[done..]);
    out
}
