//! Finding rows by scope and name: results of large scenarios have tens of thousands.

use std::ops::Range;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::results::{Row, Scope};

/// Where the rows of each name stand. Made when it is first asked; whoever changes the rows starts with a new one.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup(OnceLock<Table>);

#[derive(Clone, Debug, Default)]
struct Table {
    /// How many rows it is of.
    rows: usize,
    /// By scope: of each name the stretches of its rows.
    places: [FxHashMap<String, Vec<Range<usize>>>; Scope::ALL.len()],
    /// By scope: the first row of each name, in order.
    firsts: [Vec<usize>; Scope::ALL.len()],
}

/// It follows from the rows, and is no difference between two results.
impl PartialEq for Lookup {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Lookup {
    /// The rows of a name, in order.
    pub(super) fn of<'r>(&self, rows: &'r [Row], scope: Scope, name: &str) -> impl Iterator<Item = &'r Row> {
        let places = self.table(rows).places[scope as usize].get(name);
        places.into_iter().flatten().cloned().flat_map(|place| &rows[place])
    }

    /// The first row of each name.
    pub(super) fn firsts<'r>(&self, rows: &'r [Row], scope: Scope) -> impl Iterator<Item = &'r Row> {
        self.table(rows).firsts[scope as usize].iter().map(|&first| &rows[first])
    }

    fn table(&self, rows: &[Row]) -> &Table {
        let table = self.0.get_or_init(|| Table::new(rows));
        assert_eq!(table.rows, rows.len(), "the rows are those that were looked up first");
        table
    }
}

impl Table {
    fn new(rows: &[Row]) -> Self {
        let mut table = Self { rows: rows.len(), ..Self::default() };
        let mut start = 0;
        for group in rows.chunk_by(|left, right| (left.scope, &left.name) == (right.scope, &right.name)) {
            let (scope, end) = (group[0].scope as usize, start + group.len());
            let places = table.places[scope].entry(group[0].name.clone()).or_default();
            if places.is_empty() {
                table.firsts[scope].push(start);
            }
            places.push(start..end);
            start = end;
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Estimate, Kind, Statistic, Unit};

    fn row(scope: Scope, name: &str, value: f64) -> Row {
        let value = Estimate { value, interval: None, model: None, kind: Kind::Exact };
        let name = name.to_owned();
        Row { scope, name, metric: "cpu", statistic: Statistic::Mean, value, unit: Unit::Cores }
    }

    #[test]
    fn rows_of_a_name_are_found_wherever_they_stand() {
        let rows = [
            row(Scope::Entry, "a", 1.0),
            row(Scope::Entry, "a", 2.0),
            row(Scope::Entry, "b", 3.0),
            row(Scope::Service, "a", 4.0),
            row(Scope::Entry, "a", 5.0),
        ];
        let lookup = Lookup::default();
        let values =
            |scope, name| -> Vec<f64> { lookup.of(&rows, scope, name).map(|row| row.value.value).collect() };
        assert_eq!(values(Scope::Entry, "a"), [1.0, 2.0, 5.0]);
        assert_eq!(values(Scope::Service, "a"), [4.0]);
        assert_eq!(values(Scope::Node, "a"), [0.0; 0]);
        let names: Vec<&str> = lookup.firsts(&rows, Scope::Entry).map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
