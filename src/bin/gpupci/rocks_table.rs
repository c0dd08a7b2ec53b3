//! Rocks' table layout: an owner with a colon, a header, cells padded to the width of their column.

use std::borrow::Cow;

/// A row: its owner and its cells; `None` is SQL's NULL.
pub(crate) type Row<'t, const N: usize> = (Cow<'t, str>, [Option<Cow<'t, str>>; N]);

/// Rows to print in Rocks' layout.
pub(crate) struct RocksTable<'t, const N: usize> {
    /// The name of the owner's column, in lower case.
    pub(crate) owner: &'static str,
    /// The names of the other columns, in lower case.
    pub(crate) names: [&'static str; N],
    /// The rows.
    pub(crate) rows: Vec<Row<'t, N>>,
}

impl<const N: usize> RocksTable<'_, N> {
    /// The table as text; empty without rows. `shown` selects columns by their names in lower case; if
    /// none matches, the lines are empty.
    pub(crate) fn text(&self, with_header: bool, shown: Option<&str>) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let is_shown =
            |name: &str| shown.is_none_or(|shown| shown.split(',').any(|one| one == name));
        let owner_shown = is_shown(self.owner);
        let cells_shown = self.names.map(is_shown);
        let header = |name: &str| if with_header { name.len() } else { 0 };
        let mut owner_width = header(self.owner);
        let mut widths = self.names.map(header);
        for (owner, cells) in &self.rows {
            owner_width = owner_width.max(width(owner) + 1);
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = (*widest).max(cell.as_deref().map_or(0, width));
            }
        }
        let mut line = Line::default();
        if with_header {
            line.cell(owner_shown, &[&self.owner.to_uppercase()], owner_width);
            for ((name, width), shown) in self.names.iter().zip(widths).zip(cells_shown) {
                line.cell(shown, &[&name.to_uppercase()], width);
            }
            line.end();
        }
        for (owner, cells) in &self.rows {
            line.cell(owner_shown, &[owner, ":"], owner_width);
            for ((cell, width), shown) in cells.iter().zip(widths).zip(cells_shown) {
                line.cell(shown, &[cell.as_deref().unwrap_or_default()], width);
            }
            line.end();
        }
        line.text
    }
}

/// The text so far.
#[derive(Default)]
struct Line {
    text: String,
    is_begun: bool,
}

impl Line {
    /// Adds a cell, padded with blanks to the column's width, or with dashes if it is empty.
    fn cell(&mut self, is_shown: bool, parts: &[&str], width_of_column: usize) {
        if !is_shown {
            return;
        }
        if std::mem::replace(&mut self.is_begun, true) {
            self.text.push(' ');
        }
        let mut taken = 0;
        for part in parts {
            self.text.push_str(part);
            taken += width(part);
        }
        let filler = if taken == 0 { '-' } else { ' ' };
        self.text.extend(std::iter::repeat_n(
            filler,
            width_of_column.saturating_sub(taken),
        ));
    }

    fn end(&mut self) {
        self.text.push('\n');
        self.is_begun = false;
    }
}

fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}
