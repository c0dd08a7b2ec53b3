//! Tables for people, in colour if the terminal supports it.

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, presets};
use gpupt::escape::printable;

use crate::report::is_coloured;

/// The colour of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    None,
    Green,
    Yellow,
    Red,
}

/// A table with a header.
pub(crate) struct Table {
    table: comfy_table::Table,
    colours: Vec<Colour>,
}

impl Table {
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(header);
        Self {
            table,
            colours: Vec::new(),
        }
    }

    /// Adds a row. Control characters in the cells are escaped.
    pub(crate) fn row(&mut self, colour: Colour, cells: impl IntoIterator<Item = String>) {
        let cells = cells
            .into_iter()
            .map(|cell| printable(cell.as_bytes()).into_owned());
        self.table.add_row(cells);
        self.colours.push(colour);
    }

    pub(crate) fn text(mut self) -> String {
        for column in self.table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let colours = std::iter::once(&Colour::None).chain(&self.colours);
        let is_coloured = is_coloured();
        let lines = self.table.lines().zip(colours).map(|(line, colour)| {
            let line = line.trim_end();
            match colour.style().filter(|_| is_coloured) {
                Some(style) => format!("{style}{line}{style:#}\n"),
                None => format!("{line}\n"),
            }
        });
        lines.collect()
    }
}

impl Colour {
    fn style(self) -> Option<Style> {
        let colour = match self {
            Self::None => return None,
            Self::Green => AnsiColor::Green,
            Self::Yellow => AnsiColor::Yellow,
            Self::Red => AnsiColor::Red,
        };
        Some(colour.on_default())
    }
}
