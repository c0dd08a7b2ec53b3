//! Rocks' tables: an owner with a colon, values below a header, filled to the width of a column.

/// Rows to be shown as Rocks shows them.
pub(crate) struct Columns {
    /// The names of the columns, in lower case.
    pub(crate) header: Vec<&'static str>,
    /// The rows, the owner first; nothing for SQL's NULL.
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

impl Columns {
    /// The table as text. Without rows there is nothing at all; `shown` chooses columns by their
    /// names in lower case, and a choice that meets none leaves empty lines.
    pub(crate) fn text(&self, with_header: bool, shown: Option<&str>) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let header = self
            .header
            .iter()
            .map(|name| Some(name.to_uppercase()))
            .collect();
        let header = with_header.then_some(header);
        let rows: Vec<&Vec<Option<String>>> = header.iter().chain(&self.rows).collect();
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| width(&rows, column))
            .collect();
        let is_shown: Vec<bool> = self
            .header
            .iter()
            .map(|name| shown.is_none_or(|s| s.split(',').any(|w| w == *name)))
            .collect();
        let mut text = String::new();
        for row in rows {
            let cells = row.iter().zip(&widths).zip(&is_shown);
            let cells = cells
                .filter(|(_, shown)| **shown)
                .map(|((cell, width), _)| filled(cell, *width));
            text += &cells.collect::<Vec<_>>().join(" ");
            text.push('\n');
        }
        text
    }
}

fn width(rows: &[&Vec<Option<String>>], column: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column)?.as_ref());
    cells
        .map(|cell| cell.chars().count())
        .max()
        .unwrap_or_default()
}

fn filled(cell: &Option<String>, width: usize) -> String {
    match cell.as_deref() {
        None | Some("") => "-".repeat(width),
        Some(text) => format!("{text:width$}"),
    }
}
