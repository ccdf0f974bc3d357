//! What proxies reserve and use now, and what each mesh would: a table for people, rows for programs.

use serde_json::json;

use crate::mesh::inventory::{Held, Inventory, Sum};
use crate::mesh::reserve::Reserve;
use crate::metrics::{Estimate, Kind, Unit};

use super::human::Scale;
use super::table::{draw, name};

/// A mesh, and what it would reserve.
#[derive(Clone, Debug)]
pub struct Predicted {
    /// The profile's name.
    pub mesh: String,
    /// What it adds.
    pub reserves: Vec<Reserve>,
}

/// Namespaces that the table shows; the files have all.
const MOST_NAMESPACES: usize = 30;

/// Both tables, and what is to be known of them. Ends with a newline.
pub fn table(inventory: &Inventory, meshes: &[Predicted]) -> String {
    now(inventory) + &without(inventory) + &under_each_mesh(inventory, meshes) + &notes(inventory)
}

/// A column of numbers in one unit.
struct Numbers {
    header: &'static str,
    unit: Unit,
    cells: Vec<Option<Cell>>,
}

/// A number and what is behind it.
struct Cell {
    value: f64,
    suffix: String,
}

impl Numbers {
    fn new(header: &'static str, unit: Unit) -> Self {
        Self { header, unit, cells: Vec::new() }
    }

    fn largest(&self) -> f64 {
        self.cells.iter().flatten().map(|cell| cell.value).fold(0.0, f64::max)
    }

    fn render(&self, scale: Scale) -> Vec<String> {
        let header = format!("{}\n{}", self.header, scale.unit);
        let show = |cell: &Option<Cell>| match cell {
            None => "–".to_owned(),
            Some(cell) => scale.estimate(&exact(cell.value)) + &cell.suffix,
        };
        std::iter::once(header).chain(self.cells.iter().map(show)).collect()
    }
}

/// A number without an interval.
const fn exact(value: f64) -> Estimate {
    Estimate { value, interval: None, model: None, kind: Kind::Exact }
}

/// Columns of a unit have one scale, in which the least of them is at least one somewhere.
fn render(columns: &[Numbers]) -> Vec<Vec<String>> {
    let scale = |unit: Unit| {
        let of_unit = columns.iter().filter(|column| column.unit == unit).map(Numbers::largest);
        let least = of_unit.filter(|largest| *largest > 0.0).fold(f64::INFINITY, f64::min);
        Scale::of([exact(if least.is_finite() { least } else { 0.0 })].iter(), unit)
    };
    columns.iter().map(|column| column.render(scale(column.unit))).collect()
}

fn plain(value: f64) -> Cell {
    Cell { value, suffix: String::new() }
}

/// A sum that not all of `count` have a part in is marked.
fn marked(sum: Sum, count: u64) -> Option<Cell> {
    let suffix = if sum.given < count { "*" } else { "" };
    (sum.given > 0).then(|| Cell { value: sum.total, suffix: suffix.to_owned() })
}

/// What is used, and its share of the requests of those that use it.
fn used(sum: Sum, requested: f64) -> Option<Cell> {
    let share =
        if requested > 0.0 { format!(" ({:.0} %)", 100.0 * sum.total / requested) } else { String::new() };
    (sum.given > 0).then_some(Cell { value: sum.total, suffix: share })
}

/// Proxies by namespace, those with the largest memory requests first, then all.
fn now(inventory: &Inventory) -> String {
    if inventory.proxies.is_empty() {
        return "\nNo pod has a proxy.\n".to_owned();
    }
    let (mut rows, all): (Vec<_>, Vec<_>) =
        inventory.proxies.iter().partition(|(key, _)| key.namespace.is_some());
    rows.sort_by(|(left, one), (right, other)| {
        other.memory_request.total.total_cmp(&one.memory_request.total).then_with(|| left.cmp(right))
    });
    let left_out = rows.len().saturating_sub(MOST_NAMESPACES);
    rows.truncate(MOST_NAMESPACES);
    let mut namespaces = vec!["namespace".to_owned()];
    let mut kinds = vec!["proxy".to_owned()];
    for (key, _) in rows.iter().chain(&all) {
        namespaces.push(key.namespace.as_deref().map_or_else(|| "all".to_owned(), name));
        kinds.push(format!("{} ({})", key.container, key.role.name().replace('_', " ")));
    }
    let mut columns = vec![namespaces, kinds];
    columns.extend(held_columns(&rows.iter().chain(&all).map(|(_, held)| *held)));
    let text = draw("Proxies now", &columns, 2);
    if left_out == 0 { text } else { format!("{text}and {left_out} rows more, in the CSV\n") }
}

fn held_columns<'h>(rows: &(impl Iterator<Item = &'h Held> + Clone)) -> Vec<Vec<String>> {
    let column = |header, unit, cell: &dyn Fn(&Held) -> Option<Cell>| {
        let mut numbers = Numbers::new(header, unit);
        numbers.cells.extend(rows.clone().map(cell));
        numbers
    };
    let mut columns = vec![
        column("count", Unit::Count, &|held| Some(plain(held.count as f64))),
        column("native", Unit::Count, &|held| Some(plain(held.native as f64))),
        column("CPU request", Unit::Cores, &|held| marked(held.cpu_request, held.count)),
        column("CPU limit", Unit::Cores, &|held| marked(held.cpu_limit, held.count)),
        column("memory request", Unit::Bytes, &|held| marked(held.memory_request, held.count)),
        column("memory limit", Unit::Bytes, &|held| marked(held.memory_limit, held.count)),
    ];
    if rows.clone().any(|held| held.cpu_used.given > 0) {
        columns.push(column("CPU used", Unit::Cores, &|held| used(held.cpu_used, held.cpu_request_of_used)));
        columns.push(column("memory used", Unit::Bytes, &|held| {
            used(held.memory_used, held.memory_request_of_used)
        }));
    }
    render(&columns)
}

/// Pods of applications that have no proxy.
fn without(inventory: &Inventory) -> String {
    let total: u64 = inventory.without.values().sum();
    if total == 0 {
        return "\nEvery pod of an application has a proxy.\n".to_owned();
    }
    let mut names: Vec<(&String, &u64)> = inventory.without.iter().collect();
    names.sort_by_key(|(namespace, count)| (std::cmp::Reverse(**count), (*namespace).clone()));
    let shown: Vec<String> =
        names.iter().take(10).map(|(namespace, count)| format!("{} {count}", name(namespace))).collect();
    let more = if names.len() > shown.len() { ", …" } else { "" };
    let redirected = match inventory.redirected {
        0 => String::new(),
        count => format!("; of them, {count} behind their node's proxy"),
    };
    format!("\nPods without a proxy: {total} ({}{more}){redirected}\n", shown.join(", "))
}

/// What is there beside what each mesh would have.
fn under_each_mesh(inventory: &Inventory, meshes: &[Predicted]) -> String {
    let fleet = &inventory.fleet;
    let mut names = vec!["mesh".to_owned(), "now".to_owned()];
    names.extend(meshes.iter().map(|mesh| name(&mesh.mesh)));
    let total = inventory.total();
    let proxies = |value: &dyn Fn(&Reserve) -> Option<f64>| -> Vec<Option<Cell>> {
        meshes.iter().map(|mesh| sum(mesh.reserves.iter().filter(|row| row.is_proxy), value)).collect()
    };
    let others = |value: &dyn Fn(&Reserve) -> Option<f64>| -> Vec<Option<Cell>> {
        meshes.iter().map(|mesh| sum(mesh.reserves.iter().filter(|row| !row.is_proxy), value)).collect()
    };
    let plane = &inventory.control_plane;
    let columns = [
        ("proxies", Unit::Count, Some(plain(total.count as f64)), proxies(&|row| Some(row.count as f64))),
        (
            "CPU request",
            Unit::Cores,
            Some(plain(total.cpu_request.total)),
            proxies(&|row| Some(row.cpu_request)),
        ),
        (
            "memory request",
            Unit::Bytes,
            Some(plain(total.memory_request.total)),
            proxies(&|row| Some(row.memory_request)),
        ),
        (
            "memory limit",
            Unit::Bytes,
            marked(total.memory_limit, total.count),
            proxies(&|row| row.memory_limit),
        ),
        ("CPU idle", Unit::Cores, marked(total.cpu_used, total.count), proxies(&|row| row.idle_cpu)),
        ("memory idle", Unit::Bytes, marked(total.memory_used, total.count), proxies(&|row| row.idle_memory)),
        (
            "rest: CPU",
            Unit::Cores,
            Some(plain(plane.cpu_request.total)),
            others(&|row| Some(row.cpu_request)),
        ),
        (
            "rest: memory",
            Unit::Bytes,
            Some(plain(plane.memory_request.total)),
            others(&|row| Some(row.memory_request)),
        ),
    ];
    let numbers = columns.map(|(header, unit, first, further)| {
        let cells = std::iter::once(first).chain(further).collect();
        Numbers { header, unit, cells }
    });
    let mut cells = vec![names];
    cells.extend(render(&numbers));
    let whose = if fleet.is_meshed { "in a mesh now" } else { "that could be in a mesh" };
    let title = format!(
        "Reserved for the {} {whose} ({}, {}, {})",
        counted(fleet.pods, "pod"),
        counted(fleet.services, "service"),
        counted(fleet.namespaces, "namespace"),
        counted(fleet.nodes, "node")
    );
    draw(&title, &cells, 1)
}

/// `1 pod`, `2 pods`.
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A sum of what all of them have; nothing if one of them has none.
fn sum<'r>(rows: impl Iterator<Item = &'r Reserve>, value: &dyn Fn(&Reserve) -> Option<f64>) -> Option<Cell> {
    let mut total = 0.0;
    for row in rows {
        total += value(row)?;
    }
    Some(plain(total))
}

fn notes(inventory: &Inventory) -> String {
    let mut notes = vec![
        "Idle is what a mesh's proxies take before any request. Rest is the control plane and what else stands",
        "on every node; gateways are left out. `sim compare` adds traffic.",
    ];
    let incomplete = inventory.proxies.values().any(|held| {
        [held.cpu_request, held.cpu_limit, held.memory_request, held.memory_limit]
            .iter()
            .any(|sum| sum.given > 0 && sum.given < held.count)
    });
    let used = inventory.total();
    notes.push(match used.cpu_used.given + used.memory_used.given {
        0 => "What proxies use now is not known: give what kubectl top prints with --top.",
        _ => "In the row `now` stands what proxies use, with their traffic, in place of idle.",
    });
    if incomplete || (used.cpu_used.given > 0 && used.cpu_used.given < used.count) {
        notes.push("* not of all of them: the others have none, or nothing tells");
    }
    if !inventory.fleet.nodes_known {
        notes.push("No pod says on which node it runs; say how many there are with --nodes.");
    }
    let mut text: Vec<String> = notes.into_iter().map(str::to_owned).collect();
    if inventory.ended > 0 {
        text.push(format!("Pods that have ended and count nowhere: {}", inventory.ended));
    }
    if inventory.strangers > 0 {
        text.push(format!("Containers of --top in pods that were not given: {}", inventory.strangers));
    }
    format!("\n{}\n", text.join("\n"))
}

/// The header of the CSV.
pub const HEADER: &str = "mesh,namespace,name,metric,value,unit";

/// One number: mesh (`now` for what was found), namespace (empty for all), what it is of, and which.
type Record = (String, String, String, &'static str, f64, &'static str);

fn records(inventory: &Inventory, meshes: &[Predicted]) -> Vec<Record> {
    let mut records = Vec::new();
    for (key, held) in &inventory.proxies {
        let of = format!("{} ({})", key.container, key.role.name());
        held_records(key.namespace.as_deref().unwrap_or_default(), &of, held, &mut records);
    }
    if inventory.control_plane.count > 0 {
        held_records("", "control-plane", &inventory.control_plane, &mut records);
    }
    for (namespace, count) in &inventory.without {
        let name = "without a proxy".to_owned();
        records.push(("now".to_owned(), namespace.clone(), name, "pods", *count as f64, "count"));
    }
    for mesh in meshes {
        for row in &mesh.reserves {
            for (metric, value, unit) in [
                ("count", Some(row.count as f64), "count"),
                ("cpu_request", Some(row.cpu_request), "cores"),
                ("cpu_limit", row.cpu_limit, "cores"),
                ("memory_request", Some(row.memory_request), "bytes"),
                ("memory_limit", row.memory_limit, "bytes"),
                ("cpu_idle", row.idle_cpu, "cores"),
                ("memory_idle", row.idle_memory, "bytes"),
            ] {
                let number = value
                    .map(|value| (mesh.mesh.clone(), String::new(), row.name.clone(), metric, value, unit));
                records.extend(number);
            }
        }
    }
    records
}

fn held_records(namespace: &str, name: &str, held: &Held, records: &mut Vec<Record>) {
    let mut add = |metric, value: f64, unit| {
        records.push(("now".to_owned(), namespace.to_owned(), name.to_owned(), metric, value, unit));
    };
    add("count", held.count as f64, "count");
    add("native", held.native as f64, "count");
    for (metric, number_of, sum, unit) in [
        ("cpu_request", "with_cpu_request", held.cpu_request, "cores"),
        ("cpu_limit", "with_cpu_limit", held.cpu_limit, "cores"),
        ("memory_request", "with_memory_request", held.memory_request, "bytes"),
        ("memory_limit", "with_memory_limit", held.memory_limit, "bytes"),
        ("cpu_used", "with_cpu_used", held.cpu_used, "cores"),
        ("memory_used", "with_memory_used", held.memory_used, "bytes"),
    ] {
        add(metric, sum.total, unit);
        add(number_of, sum.given as f64, "count");
    }
}

/// Every number as a row of a tidy CSV.
///
/// # Panics
/// Never: memory takes all that is written.
pub fn csv(inventory: &Inventory, meshes: &[Predicted]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER.split(',')).expect("memory takes all");
    for (mesh, namespace, name, metric, value, unit) in records(inventory, meshes) {
        let value = rounded(value).to_string();
        writer.write_record([&mesh, &namespace, &name, metric, &value, unit]).expect("memory takes all");
    }
    String::from_utf8(writer.into_inner().expect("memory takes all")).expect("names are text")
}

/// The same rows and what they are made for, as JSON.
///
/// # Panics
/// Never: numbers and texts are JSON.
pub fn json(inventory: &Inventory, meshes: &[Predicted]) -> String {
    let fleet = &inventory.fleet;
    let rows: Vec<_> = records(inventory, meshes)
        .into_iter()
        .map(|(mesh, namespace, name, metric, value, unit)| {
            json!({
                "mesh": mesh, "namespace": namespace, "name": name, "metric": metric,
                "value": rounded(value), "unit": unit,
            })
        })
        .collect();
    let document = json!({
        "pods": fleet.pods, "in_a_mesh": fleet.is_meshed, "nodes": fleet.nodes,
        "namespaces": fleet.namespaces, "services": fleet.services, "rows": rows,
    });
    serde_json::to_string_pretty(&document).expect("numbers and texts") + "\n"
}

/// Sums of decimal fractions, to a billionth: what is behind is no more than how they were added.
fn rounded(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}
