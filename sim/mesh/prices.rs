//! The price table: what machines and bytes cost, each price with source, date and kind.
//!
//! One is shipped (`models/prices.yaml`); a scenario may name the user's own.

use crate::diag::{Code, Diagnostic, Diagnostics, Sources, Style, quote};
use crate::input::fields::{self, Fields, each, located};
use crate::input::tree::{Located, Node, parse};
use crate::units::{Bytes, Cores, Currency, Money};

use super::profile::decode::{date, kind};
use super::profile::{Kind, Provenance};

/// What machines and bytes cost.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceTable {
    /// The currency of all prices.
    pub currency: Currency,
    /// Machines, at least one; the first is the default.
    pub node_types: Vec<NodeType>,
    /// A GB (10⁹ bytes) from one zone to another, sender and receiver together.
    pub cross_zone: Money,
    /// Where that comes from.
    pub cross_zone_provenance: Provenance,
}

/// A kind of machine.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeType {
    /// As its vendor calls it.
    pub name: String,
    /// CPU.
    pub cores: Cores,
    /// Memory.
    pub memory: Bytes,
    /// For an hour.
    pub price: Money,
    /// Where the price comes from.
    pub provenance: Provenance,
}

/// The table that comes with the program.
///
/// # Panics
/// When the shipped file is wrong, which a test rules out.
pub fn shipped() -> PriceTable {
    const TEXT: &str = include_str!("../../models/prices.yaml");
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("models/prices.yaml", TEXT);
    let documents = parse(TEXT, file, &mut diagnostics);
    documents
        .first()
        .and_then(|root| decode(root, &mut diagnostics))
        .filter(|_| !diagnostics.has_errors())
        .unwrap_or_else(|| {
            panic!("the shipped price table is wrong:\n{}", diagnostics.render(&sources, Style::Plain))
        })
}

/// Reads a price table; `None` if it has no usable row, which is reported like everything else that is wrong.
pub fn decode(root: &Node, diagnostics: &mut Diagnostics) -> Option<PriceTable> {
    let mut fields = Fields::new(root, "a price table", diagnostics);
    let currency = fields.need("currency", |node, diagnostics| {
        fields::parsed(node, "a currency", diagnostics, Currency::parse)
    });
    let rows = fields.need("node_types", located(each(node_type)));
    let cross_zone = fields.need("cross_zone", cross_zone);
    fields.finish();
    let rows = rows?;
    refuse_second(&rows.value, diagnostics);
    if rows.value.is_empty() {
        let message = "a price table needs at least one type of node";
        diagnostics.push(Diagnostic::error(Code::EmptyInput, message).at(rows.location));
        return None;
    }
    let (cross_zone, cross_zone_provenance) = cross_zone?;
    Some(PriceTable {
        currency: currency?,
        node_types: rows.value.into_iter().map(|row| row.value).collect(),
        cross_zone,
        cross_zone_provenance,
    })
}

fn node_type(node: &Node, diagnostics: &mut Diagnostics) -> Option<Located<NodeType>> {
    let mut fields = Fields::new(node, "a type of node", diagnostics);
    let name = fields.need("name", located(fields::text));
    let cores = fields.need("cores", fields::cores);
    let memory = fields.need("memory", fields::bytes);
    let price = fields.need("price", money);
    let provenance = provenance(&mut fields);
    if cores == Some(Cores::ZERO) || memory == Some(Bytes::ZERO) {
        let message = "a node needs CPU and memory";
        fields.report(Diagnostic::error(Code::InvalidValue, message).at(node.location));
    }
    fields.finish();
    let name = name?;
    let location = name.location;
    let row =
        NodeType { name: name.value, cores: cores?, memory: memory?, price: price?, provenance: provenance? };
    Some(Located::new(row, location))
}

fn cross_zone(node: &Node, diagnostics: &mut Diagnostics) -> Option<(Money, Provenance)> {
    let mut fields = Fields::new(node, "`cross_zone`", diagnostics);
    let price = fields.need("price", money);
    let provenance = provenance(&mut fields);
    fields.finish();
    Some((price?, provenance?))
}

fn provenance(fields: &mut Fields<'_, '_>) -> Option<Provenance> {
    let kind: Option<Kind> = fields.need("kind", kind);
    let date = fields.need("date", date);
    let source = fields.need("source", fields::text);
    Some(Provenance { kind: kind?, source: source?, date: date?, origin: None, change: None })
}

fn money(node: &Node, diagnostics: &mut Diagnostics) -> Option<Money> {
    fields::parsed(node, "a price", diagnostics, Money::parse)
}

fn refuse_second(rows: &[Located<NodeType>], diagnostics: &mut Diagnostics) {
    for (position, row) in rows.iter().enumerate() {
        if let Some(first) = rows[..position].iter().find(|other| other.value.name == row.value.name) {
            let message = format!("there is a second type of node {}", quote(&row.value.name));
            let diagnostic = Diagnostic::error(Code::DuplicateName, message).at(row.location);
            diagnostics.push(diagnostic.related(first.location, "the first one"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_table_is_right_and_its_first_row_a_common_machine() {
        let table = shipped();
        let first = &table.node_types[0];
        assert_eq!((first.cores.value(), first.memory), (4.0, Bytes::new(16 << 30)));
        for row in &table.node_types {
            let per_core = row.price.value() / row.cores.value();
            assert!((0.02..0.1).contains(&per_core), "{}: {per_core} per core and hour", row.name);
        }
    }
}
