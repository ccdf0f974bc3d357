//! A table of meshes and numbers that reads alike on the terminal and in Markdown.

use std::fmt::Write as _;

use comfy_table::{Cell as TableCell, CellAlignment, ContentArrangement, Table};

use crate::metrics::{Estimate, Unit};
use crate::output::human::Scale;
use crate::output::report::escape;
use crate::output::table::name;

/// A column of numbers.
#[derive(Clone, Copy, Debug)]
pub(in crate::output) struct Column {
    header: &'static str,
    unit: Unit,
    shown: Shown,
}

/// How much of a column's numbers is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    /// The value.
    Bare,
    /// With the simulation's interval, and the model's below it.
    Full,
    /// The same for something added: with a sign.
    Added,
}

impl Column {
    pub(super) const fn bare(header: &'static str, unit: Unit) -> Self {
        Self { header, unit, shown: Shown::Bare }
    }

    pub(super) const fn full(header: &'static str, unit: Unit) -> Self {
        Self { header, unit, shown: Shown::Full }
    }

    pub(super) const fn added(header: &'static str, unit: Unit) -> Self {
        Self { header, unit, shown: Shown::Added }
    }

    /// A number, and its model interval where that is shown.
    fn render(&self, number: Option<&Estimate>, scale: Scale) -> (String, Option<String>) {
        let Some(number) = number else { return ("–".to_owned(), None) };
        // What is nothing under any constants needs no range.
        let model = number.model.filter(|&model| model != (0.0, 0.0)).map(|model| scale.range(model));
        match self.shown {
            Shown::Bare => (scale.estimate(&Estimate { interval: None, ..*number }), None),
            Shown::Full => (scale.estimate(number), model),
            Shown::Added => (scale.difference(number), model),
        }
    }
}

/// A table whose first column is a name and whose others are numbers.
#[derive(Clone, Debug)]
pub(in crate::output) struct Grid {
    /// What it is about.
    pub(in crate::output) title: String,
    first: &'static str,
    columns: Vec<Column>,
    /// Of the columns.
    headers: Vec<String>,
    rows: Vec<(String, Vec<Option<Estimate>>)>,
}

impl Grid {
    pub(super) fn new(title: String, columns: Vec<Column>) -> Self {
        let headers = columns.iter().map(|column| column.header.to_owned()).collect();
        Self { title, first: "mesh", columns, headers, rows: Vec::new() }
    }

    /// With another header of its first column.
    pub(super) fn of(self, first: &'static str) -> Self {
        Self { first, ..self }
    }

    /// With headers that are known only now.
    pub(super) fn with_headers(self, headers: Vec<String>) -> Self {
        assert_eq!(headers.len(), self.columns.len(), "a header for each column");
        Self { headers, ..self }
    }

    pub(super) fn add(&mut self, row: &str, numbers: Vec<Option<Estimate>>) {
        assert_eq!(numbers.len(), self.columns.len(), "a number for each column");
        self.rows.push((row.to_owned(), numbers));
    }

    /// Without the columns in which there is no number; `None` if that is all of them.
    pub(super) fn without_empty(mut self) -> Option<Self> {
        let is_full = |column: usize| self.rows.iter().any(|(_, numbers)| numbers[column].is_some());
        let kept: Vec<usize> = (0..self.columns.len()).filter(|&column| is_full(column)).collect();
        self.columns = kept.iter().map(|&column| self.columns[column]).collect();
        self.headers = kept.iter().map(|&column| self.headers[column].clone()).collect();
        for (_, numbers) in &mut self.rows {
            *numbers = kept.iter().map(|&column| numbers[column]).collect();
        }
        (!kept.is_empty()).then_some(self)
    }

    /// One for all columns of a unit, so that numbers compare along rows too.
    fn scale(&self, unit: Unit) -> Scale {
        let cells = self.rows.iter().flat_map(|(_, numbers)| numbers.iter().zip(&self.columns));
        Scale::of(cells.filter(|(_, column)| column.unit == unit).filter_map(|(cell, _)| cell.as_ref()), unit)
    }

    /// Every number with its model interval, row by row.
    fn cells(&self) -> Vec<Vec<(String, Option<String>)>> {
        let scales: Vec<Scale> = self.columns.iter().map(|column| self.scale(column.unit)).collect();
        let row = |(_, numbers): &(String, Vec<Option<Estimate>>)| {
            let cells = numbers.iter().zip(&self.columns).zip(&scales);
            cells.map(|((number, column), &scale)| column.render(number.as_ref(), scale)).collect()
        };
        self.rows.iter().map(row).collect()
    }

    /// For the terminal: right-aligned, the model's interval on a line of its own. Starts with an empty line.
    pub(in crate::output) fn terminal(&self) -> String {
        let mut table = Table::new();
        // Nothing depends on whether this is a terminal, nor on its width.
        table.force_no_tty().set_content_arrangement(ContentArrangement::Disabled);
        let style = table.style_mut();
        *style = comfy_table::presets::NOTHING;
        style.header_separator = comfy_table::LineStyle::none().fill('─').junction('─');
        let units = self.headers.iter().zip(&self.columns);
        let units = units.map(|(header, column)| format!("{header}\n{}", self.scale(column.unit).unit));
        table.set_header(line(self.first.to_owned(), units));
        for ((row, _), cells) in self.rows.iter().zip(self.cells()) {
            let has_model = cells.iter().any(|(_, model)| model.is_some());
            let first = if has_model { format!("{}\n  model", name(row)) } else { name(row) };
            let texts = cells.into_iter().map(|(text, model)| match model {
                Some(model) => format!("{text}\n{model}"),
                None => text,
            });
            table.add_row(line(first, texts));
        }
        for column in table.column_iter_mut() {
            column.set_padding((1, 0));
        }
        format!("\n{}\n{}\n", self.title, table.trim_fmt())
    }

    /// For Markdown: the model's interval in brackets.
    pub(in crate::output) fn markdown(&self) -> String {
        let with_unit = |(header, column): (&String, &Column)| match self.scale(column.unit).unit {
            "" => escape(header),
            unit => format!("{}, {unit}", escape(header)),
        };
        let headers: Vec<String> = self.headers.iter().zip(&self.columns).map(with_unit).collect();
        let mut text =
            format!("| {} | {} |\n|---|{}\n", self.first, headers.join(" | "), "---:|".repeat(headers.len()));
        for ((row, _), cells) in self.rows.iter().zip(self.cells()) {
            let cells: Vec<String> = cells
                .into_iter()
                .map(|(text, model)| match model {
                    Some(model) => format!("{text}<br>({model})"),
                    None => text,
                })
                .map(|cell| cell.replace("> ", "&gt; "))
                .collect();
            let _ = writeln!(text, "| {} | {} |", escape(row), cells.join(" | "));
        }
        text
    }
}

fn line(first: String, others: impl Iterator<Item = String>) -> Vec<TableCell> {
    let others = others.map(|text| TableCell::new(text).set_alignment(CellAlignment::Right));
    std::iter::once(TableCell::new(first)).chain(others).collect()
}
