//! A topology as a native scenario: a head of comments that says what came out, then one entry per service.

use std::fmt::{Display, Write as _};

use crate::vocabulary::Protocol;

use super::draw::rounded;
use super::{Shape, Topology, WORKERS};

/// Columns of a line where it can be broken.
const WIDTH: usize = 118;

/// Requests per second that one pod of the gateway is given.
const GATEWAY_RATE: f64 = 1000.0;

impl Topology {
    /// The text of a scenario; `command` is said to have made it.
    pub fn scenario(&self, command: &str) -> String {
        let mut text = self.head(command);
        let _ = writeln!(text, "version: 1\nname: {}\n\nservices:", self.settings.name);
        for service in 0..self.graph.services() {
            self.service(service, &mut text);
        }
        text += "\ntraffic:\n";
        let rate = self.calls.entry_rate;
        let gateways = libm::ceil(self.requests() / GATEWAY_RATE).max(1.0);
        for &entry in &self.graph.entries {
            let name = self.full_name(entry as usize);
            let _ = writeln!(
                text,
                "  - {{name: {}, service: {name}, from: {{gateway: {{name: ingress, replicas: {gateways}}}}}, \
                 rate: {rate}/s}}",
                self.entry_name(entry as usize)
            );
        }
        text += "\ncluster:\n  network_delay: {lognormal: {p50: 60us, p99: 250us}}\n";
        text += "\nrun:\n  warm_up: 5s\n  duration: 15s\n  replications: 10\n  seed: 1\n";
        text
    }

    fn head(&self, command: &str) -> String {
        let graph = &self.graph;
        let pods: u64 = self.replicas.iter().map(|&count| u64::from(count)).sum();
        let fan_outs = graph.fan_outs();
        let namespaces = self.settings.namespaces;
        let mut text = format!("# {}. Made by:\n#   {command}\n#\n", capital(self.settings.preset.about));
        text += &comment(&format!(
            "{}, {}, {}; {}, {} of caller and callee, depth {}.",
            counted(graph.services(), "service"),
            counted(namespaces, "namespace"),
            counted(pods, "pod"),
            counted_as(graph.entries.len(), "entry", "entries"),
            counted(graph.edges(), "pair"),
            graph.depth(),
        ));
        if !fan_outs.is_empty() {
            let quantile = |share: f64| fan_outs[(share * (fan_outs.len() - 1) as f64) as usize];
            text += &comment(&format!(
                "Fan-out of the {} that call: mean {}, p50 {}, p90 {}, p99 {}, largest {}.",
                fan_outs.len(),
                rounded(graph.edges() as f64 / fan_outs.len() as f64, 3),
                quantile(0.5),
                quantile(0.9),
                quantile(0.99),
                quantile(1.0),
            ));
        }
        let rates = &self.calls.rates;
        let busiest = largest(graph.services(), |service| rates[service]);
        let fullest = largest(graph.services(), |service| self.utilization(service));
        text += &comment(&format!(
            "A request makes {} calls on average. Requests per second: {} at all entries together, {} at all \
             services together, {} at the busiest, {}, which has {}. Highest utilization: {} % of {}'s {WORKERS} \
             workers per pod.",
            rounded(self.calls.per_request, 4),
            rounded(self.requests(), 6),
            rounded(rates.iter().sum(), 6),
            rounded(rates[busiest], 4),
            self.full_name(busiest),
            counted(self.replicas[busiest], "pod"),
            rounded(100.0 * self.utilization(fullest), 3),
            self.full_name(fullest),
        ));
        text += "#\n";
        text += &comment(self.settings.preset.sources);
        text
    }

    fn service(&self, service: usize, text: &mut String) {
        let _ = write!(text, "  - {{name: {}", self.name(service));
        if self.settings.namespaces > 1 {
            let _ = write!(text, ", namespace: {}", self.namespace(service));
        }
        let _ = write!(text, ", replicas: {}, workers: {WORKERS}", self.replicas[service]);
        match self.settings.protocol {
            Protocol::Http1 => {}
            Protocol::Http2 => text.push_str(", protocol: http2"),
            Protocol::Grpc => text.push_str(", protocol: grpc"),
            Protocol::Tcp => unreachable!("the generator speaks no opaque TCP"),
        }
        let _ = write!(
            text,
            ", service_time: {{exponential: {}}}, request_size: 128, response_size: 1KiB",
            self.work[service]
        );
        if !self.graph.callees[service].is_empty() {
            text.push_str(",\n     script: [[");
            self.script(service, text);
            text.push_str("]]");
        }
        text.push_str("}\n");
    }

    /// The calls of a service, all at once.
    fn script(&self, service: usize, text: &mut String) {
        let chance = self.calls.chances[service];
        let mut column = "     script: [[".len();
        for (index, &callee) in self.graph.callees[service].iter().enumerate() {
            let callee = callee as usize;
            let near = self.graph.namespaces[callee] == self.graph.namespaces[service];
            let name = if near { self.name(callee) } else { self.full_name(callee) };
            let call = if chance < 1.0 {
                format!("{{call: {{service: {name}, probability: {chance}}}}}")
            } else {
                format!("{{call: {name}}}")
            };
            if index > 0 {
                let broken = column + 2 + call.len() > WIDTH;
                text.push_str(if broken { ",\n       " } else { ", " });
                column = if broken { 7 } else { column + 2 };
            }
            column += call.len();
            text.push_str(&call);
        }
    }

    /// Requests per second at all entries together.
    fn requests(&self) -> f64 {
        self.calls.entry_rate * self.graph.entries.len() as f64
    }

    /// Unique within its namespace: in a tree, counted from its root.
    fn name(&self, service: usize) -> String {
        match self.settings.shape {
            Shape::Tree => {
                let root = self.graph.entries[self.graph.namespaces[service] as usize];
                format!("s{}", service - root as usize)
            }
            Shape::Layers => format!("s{service}"),
        }
    }

    fn namespace(&self, service: usize) -> String {
        format!("n{}", self.graph.namespaces[service])
    }

    fn full_name(&self, service: usize) -> String {
        match self.settings.namespaces {
            1 => self.name(service),
            _ => format!("{}/{}", self.namespace(service), self.name(service)),
        }
    }

    fn entry_name(&self, service: usize) -> String {
        match self.settings.shape {
            Shape::Tree if self.settings.namespaces > 1 => self.namespace(service),
            _ => self.name(service),
        }
    }
}

/// The first of those for which `key` is largest.
fn largest(count: usize, key: impl Fn(usize) -> f64) -> usize {
    (0..count).rev().max_by(|&a, &b| key(a).total_cmp(&key(b))).expect("there is a service")
}

fn counted(count: impl Display, one: &str) -> String {
    counted_as(count, one, &format!("{one}s"))
}

fn counted_as(count: impl Display, one: &str, many: &str) -> String {
    let count = count.to_string();
    format!("{count} {}", if count == "1" { one } else { many })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The words in lines of comment.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(lines, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(lines, "{line}");
    lines
}
