//! Shapes of graphs that were published, and what is assumed where nothing was: one row each.

use crate::units::Rate;

use super::{Law, Load};

/// How a graph is grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One tree per namespace; every service has one caller.
    Tree,
    /// Layers of services that call any below them.
    Layers,
}

/// A shape with its laws; options replace any of them.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// As given on the command line.
    pub name: &'static str,
    /// One line, for help; the rest of it is said in the generated file.
    pub about: &'static str,
    /// What was published, and what is assumed: a comment of the generated file.
    pub sources: &'static str,
    pub(super) shape: Shape,
    pub(super) services: u32,
    pub(super) namespaces: u32,
    pub(super) pods_per_service: f64,
    /// Layers, where there are services enough.
    pub(super) depth: u32,
    pub(super) entry_share: f64,
    pub(super) leaf_share: f64,
    pub(super) fan_out: Quantiles,
    pub(super) fan_in: Quantiles,
    pub(super) replicas: Quantiles,
    /// Mean service times, in milliseconds.
    pub(super) work: Quantiles,
    pub(super) calls_per_request: Option<f64>,
    pub(super) entries_rate: Option<f64>,
    pub(super) services_rate: Option<f64>,
}

/// (probability, value).
pub(super) type Quantiles = &'static [(f64, f64)];

const fn one(value: f64) -> [(f64, f64); 1] {
    [(0.5, value)]
}

const META_FAN_OUT: Quantiles = &[(0.5, 4.0), (0.9, 23.0), (0.99, 252.0)];
const META_FAN_IN: Quantiles = &[(0.5, 1.0), (0.99, 201.0)];
const META_REPLICAS: Quantiles = &[(0.5, 8.0), (0.9, 650.0), (0.99, 31_306.0)];
const ASSUMED_WORK: Quantiles = &[(0.5, 1.0), (0.99, 10.0)];

const TREE: Preset = Preset {
    name: "tree",
    about: "a tree, each service calling three others at once",
    sources: "Assumed: service times.",
    shape: Shape::Tree,
    services: 13,
    namespaces: 1,
    pods_per_service: 2.0,
    depth: 0,
    entry_share: 0.0,
    leaf_share: 0.0,
    fan_out: &one(3.0),
    fan_in: &one(1.0),
    replicas: &one(1.0),
    work: &one(1.0),
    calls_per_request: None,
    entries_rate: Some(100.0),
    services_rate: None,
};

/// Every preset.
pub const PRESETS: [Preset; 4] = [
    TREE,
    Preset {
        name: "load-mesh",
        about: "the mesh of Istio's own load test: 50 trees of 20 services, 2 pods each, 70,000 requests/s over all services",
        sources: "From Istio's load test: services, namespaces, pods, sizes and the sum of rates. Assumed: service \
                  times, three callees at once, and a gateway for all.",
        services: 1000,
        namespaces: 50,
        entries_rate: None,
        services_rate: Some(70_000.0),
        ..TREE
    },
    Preset {
        name: "meta",
        about: "fan-out, fan-in, instances and depth as published of Meta's services",
        sources: "Published of Meta (7,483 services, USENIX ATC 2023): fan-out p50 4, p90 23, p99 252; fan-in p50 1, \
                  p99 201; instances p50 8, p90 650, p99 31306, here in proportion to the pods there are; depth up \
                  to 19. Assumed: service times, sizes, 1 % entries, 39 % leaves, that popular services have most \
                  pods, and how many of its calls a request makes.",
        shape: Shape::Layers,
        services: 1000,
        namespaces: 50,
        pods_per_service: 10.0,
        depth: 19,
        entry_share: 0.01,
        leaf_share: 0.39,
        fan_out: META_FAN_OUT,
        fan_in: META_FAN_IN,
        replicas: META_REPLICAS,
        work: ASSUMED_WORK,
        calls_per_request: Some(50.0),
        entries_rate: Some(100.0),
        services_rate: None,
    },
    Preset {
        name: "alibaba",
        about: "shares of entries and leaves, and pods per service, as published of Alibaba's services",
        sources: "Published of Alibaba (67,760 services, arXiv 2504.13141): 13 % entries, 48 % in the middle, 39 % \
                  leaves; 28 pods per service. Assumed: service times, sizes, ten layers, Meta's fan-out and fan-in, \
                  pods spread with p50 8 and p90 60, and how many of its calls a request makes.",
        shape: Shape::Layers,
        services: 1000,
        namespaces: 50,
        pods_per_service: 28.0,
        depth: 10,
        entry_share: 0.13,
        leaf_share: 0.39,
        fan_out: META_FAN_OUT,
        fan_in: META_FAN_IN,
        replicas: &[(0.5, 8.0), (0.9, 60.0)],
        work: ASSUMED_WORK,
        calls_per_request: Some(50.0),
        entries_rate: Some(100.0),
        services_rate: None,
    },
];

impl Preset {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    pub(super) fn load(&self) -> Load {
        let rate = |value| Rate::per_second(value).expect("a preset's rate");
        match (self.entries_rate, self.services_rate) {
            (Some(value), _) => Load::Entries(rate(value)),
            (None, value) => Load::Services(rate(value.expect("a preset has one of both"))),
        }
    }
}

pub(super) fn law(quantiles: Quantiles) -> Law {
    Law::through(quantiles).expect("a preset's law")
}
