//! docs/reference.md and docs/inputs.md are made from the tables of the code: `SIM_BLESS=1` writes them, otherwise they
//! are checked.

use std::fmt::Write as _;

use sim::diag::CODES;
use sim::input::FORMATS;
use sim::input::defaults::DEFAULTS;
use sim::input::draft::EVENTS;
use sim::kernel::dist::DISTRIBUTIONS;
use sim::mesh::prices;
use sim::mesh::profile::{install_profiles, summaries};
use sim::output::{OUTPUTS, comparison};
use sim::policy::arrival::ARRIVALS;
use sim::policy::balance::BALANCERS;

use crate::common::blessed;

mod inputs;

fn table(title: &str, intro: &str, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text =
        format!("\n## {title}\n\n{intro}\n\n| {} |\n|{}\n", header.join(" | "), "---|".repeat(header.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn code(text: impl AsRef<str>) -> String {
    format!("`{}`", text.as_ref())
}

fn page() -> String {
    let mut text = String::from(
        "# Reference\n\nMade from the tables of the code by `tests/it/reference.rs`; do not edit.\n\n## Commands\n",
    );
    for (command, help) in sim::cli::help() {
        let _ = write!(text, "\n### `{command}`\n\n```text\n{}\n```\n", help.trim_end());
    }
    text += &table(
        "Input formats",
        "Each document is recognised by its head. [inputs.md](inputs.md) lists, kind by kind, which fields of other people's \
         objects are modelled.",
        &["format", "recognised by"],
        FORMATS.iter().map(|format| vec![format.name.to_owned(), format.head.to_owned()]),
    );
    text += &table(
        "Scenario defaults",
        "What holds where a scenario is silent. `service_time`, and `from` of traffic, have no default. `--set` takes \
         these keys with a name or, from 0, a position in place of NAME: `services.web.replicas=3`, \
         `services[0].replicas=3` or `services.0.replicas=3`.",
        &["key", "default", "why"],
        DEFAULTS.iter().map(|(key, value, why)| vec![code(key), code(value), (*why).to_owned()]),
    );
    text += &table(
        "Distributions",
        "Wherever a time or a size may vary: `{lognormal: {p50: 3ms, p99: 20ms}}`; a plain value is constant.",
        &["name", "parameters", "what it is"],
        DISTRIBUTIONS.iter().map(|row| {
            let ways: Vec<String> = row.parameters.iter().map(code).collect();
            vec![code(row.name), ways.join(" or "), row.doc.to_owned()]
        }),
    );
    text += &table(
        "Arrivals",
        "`arrivals: {poisson: {rate: 100/s}}`; `rate: 100/s` alone is Poisson.",
        &["name", "parameters", "what it is"],
        ARRIVALS.iter().map(|row| {
            let parameters: Vec<String> = row.parameters.iter().map(code).collect();
            vec![code(row.name), parameters.join(", "), row.doc.to_owned()]
        }),
    );
    text += &events();
    text += &table(
        "Load balancing",
        "`policies: [{service: reviews, balancing: ring_hash}]`; without a policy the mesh's own way holds.",
        &["name", "what it is", "who balances so"],
        BALANCERS.iter().map(|row| vec![code(row.policy.name()), row.doc.to_owned(), row.used_by.to_owned()]),
    );
    text += &meshes();
    text += &table(
        "Outputs",
        "Beside these, `manifest.json` says what they came from.",
        &["file", "what it holds"],
        OUTPUTS.iter().map(|output| vec![code(output.file), output.about.to_owned()]),
    );
    text += &table(
        "Outputs of a comparison",
        "In the folder `comparison` beside those of the meshes.",
        &["file", "what it holds"],
        comparison::OUTPUTS.iter().map(|output| vec![code(output.file), output.about.to_owned()]),
    );
    text += &table(
        "Diagnostics",
        "Codes of problems are stable from release to release.",
        &["code", "meaning"],
        CODES.iter().map(|(_, name, meaning)| vec![code(name), (*meaning).to_owned()]),
    );
    text
}

fn events() -> String {
    table(
        "Events",
        "`events` of a scenario: what happens `at` a time since the start of the run, warm-up included, once or `every` so \
         often `until` a time. Services are one, a list, or `all`. How pods start, end and are replaced is said in \
         `lifecycle` of a service or version.",
        &["key", "example", "what happens"],
        EVENTS.iter().map(|(key, example, doc)| vec![code(key), code(example), (*doc).to_owned()]),
    )
}

/// The tables of profiles and prices.
fn meshes() -> String {
    let mut text = String::new();
    text += &table(
        "Profiles",
        "`sim models show NAME` gives every number with its source. `linkerd@ha`, here and for `--mesh`, `profile` and \
         `extends`, is the mesh as it is installed for high availability.",
        &["name", "what it is", "mesh", "proxy", "Kubernetes", "installed as"],
        summaries().into_iter().map(|row| {
            let installs = install_profiles(&row.name).join(", ");
            let name = code(row.name);
            vec![name, row.title, row.mesh_version, row.proxy_version, row.kubernetes_version, installs]
        }),
    );
    text += &price_table();
    text
}

fn price_table() -> String {
    let prices = prices::shipped();
    table(
        "Prices",
        &format!(
            "What nodes cost an hour, in {}, unless `cluster.prices` names a table of your own (copy \
             `models/prices.yaml`). A GB from one zone to another costs {} ({}, {}).",
            prices.currency,
            prices.cross_zone,
            prices.cross_zone_provenance.source,
            prices.cross_zone_provenance.date
        ),
        &["type", "cores", "memory", "price", "source", "date"],
        prices.node_types.iter().map(|row| {
            let (source, date) = (row.provenance.source.clone(), row.provenance.date.clone());
            vec![
                code(&row.name),
                row.cores.to_string(),
                row.memory.to_string(),
                row.price.to_string(),
                source,
                date,
            ]
        }),
    )
}

#[test]
fn the_reference_is_that_of_the_code() {
    blessed("docs/reference.md", &page());
}
