//! Pods as written: a template of a workload or a pod of its own, with its containers.

use crate::diag::{Code, Diagnostic, Diagnostics, Location};
use crate::input::fields;
use crate::input::tree::{Located, Node};
use crate::units::{Bytes, Cores, Span, UnitError};
use crate::vocabulary::Resources;

use super::life::{self, ContainerLife};
use super::object::{Texts, at, elements_at, located_at, text_at, texts_at};

/// Labels that differ from pod to pod or from roll-out to roll-out: nobody selects by them.
const VOLATILE: [&str; 5] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
];

/// A pod, or what pods are made from.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// Those that last.
    pub(super) labels: Texts,
    pub(super) annotations: Vec<(String, Located<String>)>,
    /// Whether it has the network of its node: no mesh reaches into it.
    pub(super) host_network: bool,
    /// Its grace period, if it says one.
    pub(super) grace: Option<Span>,
    pub(super) containers: Vec<Container>,
}

/// A container.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) lifetime: Lifetime,
    /// As the API server completes them: a limit without a request is its own request.
    pub(super) resources: Resources,
    pub(super) ports: Vec<(Option<String>, u16)>,
    /// Values of its environment, and its command and arguments, which have no name.
    pub(super) texts: Vec<(Option<String>, Located<String>)>,
    /// What it says of its pod's life.
    pub(super) life: ContainerLife,
    /// ConfigMaps of its environment.
    pub(super) references: Vec<Reference>,
    pub(super) location: Location,
}

/// How long a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// As long as the pod.
    Main,
    /// As long as the pod, started before the others: an init container with `restartPolicy: Always`.
    NativeSidecar,
    /// Until it is done, before the others start.
    Init,
}

/// A variable from a ConfigMap, or all of them.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) config_map: String,
    /// The variable and the key it comes from; `None` is all keys.
    pub(super) one: Option<(String, String)>,
    pub(super) location: Location,
}

impl Template {
    /// Of a node with `metadata` and `spec`.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Self {
        let mut containers = Vec::new();
        for element in elements_at(node, &["spec", "containers"], diagnostics) {
            containers.push(Container::read(element, Lifetime::Main, diagnostics));
        }
        for element in elements_at(node, &["spec", "initContainers"], diagnostics) {
            let always = text_at(element, "restartPolicy") == "Always";
            let lifetime = if always { Lifetime::NativeSidecar } else { Lifetime::Init };
            containers.push(Container::read(element, lifetime, diagnostics));
        }
        let mut labels = texts_at(node, &["metadata", "labels"]);
        labels.retain(|(key, _)| !VOLATILE.contains(&key.as_str()));
        Self {
            labels,
            annotations: located_at(node, &["metadata", "annotations"]),
            grace: life::seconds(node, &["spec", "terminationGracePeriodSeconds"], diagnostics),
            host_network: at(node, &["spec", "hostNetwork"]).and_then(Node::text) == Some("true"),
            containers,
        }
    }

    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&Located<String>> {
        self.annotations.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The containers of the application: those that last, the mesh's proxies apart.
    pub(super) fn application(&self) -> impl Iterator<Item = &Container> + Clone {
        let lasts = |container: &&Container| container.lifetime != Lifetime::Init;
        self.containers.iter().filter(lasts).filter(|container| container.proxy().is_none())
    }

    /// What the application's containers ask for together. A sum has a limit only if each of them has one.
    pub(super) fn resources(&self) -> Resources {
        total(&self.application().map(|container| container.resources))
    }
}

/// Requests and limits together: what is not requested is nothing, a limit that is missing is none.
pub(super) fn total(all: &(impl Iterator<Item = Resources> + Clone)) -> Resources {
    let cores = |of: fn(&Resources) -> Option<Cores>| {
        let sum: Option<f64> = all.clone().filter_map(|one| of(&one)).map(Cores::value).reduce(|a, b| a + b);
        sum.and_then(|sum| Cores::new(sum).ok())
    };
    let bytes = |of: fn(&Resources) -> Option<Bytes>| {
        all.clone().filter_map(|one| of(&one)).map(Bytes::value).reduce(u64::saturating_add).map(Bytes::new)
    };
    let every = |has: fn(&Resources) -> bool| all.clone().all(|one| has(&one));
    Resources {
        cpu_request: cores(|one| one.cpu_request),
        memory_request: bytes(|one| one.memory_request),
        cpu_limit: cores(|one| one.cpu_limit).filter(|_| every(|one| one.cpu_limit.is_some())),
        memory_limit: bytes(|one| one.memory_limit).filter(|_| every(|one| one.memory_limit.is_some())),
    }
}

impl Container {
    fn read(node: &Node, lifetime: Lifetime, diagnostics: &mut Diagnostics) -> Self {
        if node.entries().is_none() {
            let message = format!("a container is a map, not {}", node.describe());
            diagnostics.push(Diagnostic::error(Code::UnexpectedKind, message).at(node.location));
        }
        let (mut texts, references) = environment(node, diagnostics);
        for list in ["command", "args"] {
            let words = elements_at(node, &[list], diagnostics).iter();
            texts.extend(
                words.filter_map(|word| Some((None, Located::new(word.text()?.to_owned(), word.location)))),
            );
        }
        Self {
            name: text_at(node, "name").to_owned(),
            lifetime,
            resources: resources(node, diagnostics),
            life: ContainerLife::read(node, diagnostics),
            ports: ports(node, diagnostics),
            texts,
            references,
            location: node.location,
        }
    }
}

/// The values of a container's environment, and the ConfigMaps that others come from.
#[expect(clippy::type_complexity, reason = "the two fields of a container")]
fn environment(
    node: &Node,
    diagnostics: &mut Diagnostics,
) -> (Vec<(Option<String>, Located<String>)>, Vec<Reference>) {
    let (mut texts, mut references) = (Vec::new(), Vec::new());
    for source in elements_at(node, &["envFrom"], diagnostics) {
        if let Some(name) = at(source, &["configMapRef", "name"]).and_then(Node::text) {
            let location = source.location;
            references.push(Reference { config_map: name.to_owned(), one: None, location });
        }
    }
    for variable in elements_at(node, &["env"], diagnostics) {
        let name = text_at(variable, "name");
        if let Some((text, value)) = at(variable, &["value"]).and_then(|node| Some((node.text()?, node))) {
            texts.push((Some(name.to_owned()), Located::new(text.to_owned(), value.location)));
        } else if let Some(key) = at(variable, &["valueFrom", "configMapKeyRef"]) {
            references.push(Reference {
                config_map: text_at(key, "name").to_owned(),
                one: Some((name.to_owned(), text_at(key, "key").to_owned())),
                location: key.location,
            });
        }
    }
    (texts, references)
}

fn ports(node: &Node, diagnostics: &mut Diagnostics) -> Vec<(Option<String>, u16)> {
    let ports = elements_at(node, &["ports"], diagnostics).iter();
    ports
        .filter_map(|port| {
            let number = port.get("containerPort")?.text()?.parse().ok()?;
            Some((port.get("name").and_then(Node::text).map(str::to_owned), number))
        })
        .collect()
}

/// Requests and limits of a container; a limit without a request is its own request.
fn resources(node: &Node, diagnostics: &mut Diagnostics) -> Resources {
    let mut cores = |list| at(node, &["resources", list, "cpu"]).and_then(|node| cpu(node, diagnostics));
    let (cpu_request, cpu_limit) = (cores("requests"), cores("limits"));
    let mut bytes =
        |list| at(node, &["resources", list, "memory"]).and_then(|node| memory(node, diagnostics));
    let (memory_request, memory_limit) = (bytes("requests"), bytes("limits"));
    completed(Resources { cpu_request, cpu_limit, memory_request, memory_limit })
}

/// As the API server completes resources.
pub(super) fn completed(written: Resources) -> Resources {
    Resources {
        cpu_request: written.cpu_request.or(written.cpu_limit),
        memory_request: written.memory_request.or(written.memory_limit),
        ..written
    }
}

/// A quantity of CPU.
pub(super) fn cpu(node: &Node, diagnostics: &mut Diagnostics) -> Option<Cores> {
    fields::parsed(node, "an amount of CPU", diagnostics, quantity_of_cpu)
}

/// A quantity of memory.
pub(super) fn memory(node: &Node, diagnostics: &mut Diagnostics) -> Option<Bytes> {
    fields::parsed(node, "an amount of memory", diagnostics, quantity_of_memory)
}

pub(super) fn quantity_of_cpu(text: &str) -> Result<Cores, UnitError> {
    if let Some(cores) = with_exponent(text) {
        return Cores::new(cores);
    }
    match text.trim().strip_suffix('k').map(str::parse::<f64>) {
        Some(Ok(thousands)) => Cores::new(thousands * 1000.0),
        _ => Cores::parse(text),
    }
}

/// As [`Bytes::parse`], and what else Kubernetes knows: thousandths (`m`), exabytes and petabytes.
pub(super) fn quantity_of_memory(text: &str) -> Result<Bytes, UnitError> {
    const FURTHER: [(&str, f64); 5] = [
        ("m", 1e-3),
        ("Pi", 1_125_899_906_842_624.0),
        ("P", 1e15),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("E", 1e18),
    ];
    for (unit, factor) in FURTHER {
        if let Some(Ok(number)) = text.trim().strip_suffix(unit).map(str::parse::<f64>) {
            return Bytes::parse(&format!("{:.0}", number * factor));
        }
    }
    match with_exponent(text) {
        Some(number) => Bytes::parse(&format!("{number:.0}")),
        None => Bytes::parse(text),
    }
}

/// A number with an exponent in place of a unit: `1e3`.
fn with_exponent(text: &str) -> Option<f64> {
    let (number, exponent) = text.trim().split_once(['e', 'E'])?;
    exponent.parse::<i32>().ok()?;
    format!("{number}e{exponent}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (text, bytes) in [
            ("128Mi", 134_217_728),
            ("128974848000m", 128_974_848),
            ("1e3", 1000),
            ("1P", 1_000_000_000_000_000),
            ("0", 0),
        ] {
            assert_eq!(quantity_of_memory(text).map(Bytes::value).ok(), Some(bytes), "{text}");
        }
        for (text, cores) in [("100m", 0.1), ("2", 2.0), ("1k", 1000.0), ("250000000n", 0.25), ("5E-1", 0.5)]
        {
            assert_eq!(quantity_of_cpu(text).map(Cores::value).ok(), Some(cores), "{text}");
        }
        assert!(quantity_of_memory("much").is_err() && quantity_of_memory("m").is_err());
        assert!(quantity_of_memory("1e300E").is_err() && quantity_of_cpu("-1").is_err());
    }

    #[test]
    fn a_sum_has_a_limit_if_each_part_has_one() {
        let with = |limit: Option<f64>| {
            let cpu_limit = limit.map(|limit| Cores::new(limit).unwrap());
            completed(Resources { cpu_limit, ..Resources::default() })
        };
        let sum = total(&[with(Some(1.0)), with(None)].into_iter());
        assert_eq!((sum.cpu_request.map(Cores::value), sum.cpu_limit), (Some(1.0), None));
        let sum = total(&[with(Some(1.0)), with(Some(0.5))].into_iter());
        assert_eq!(sum.cpu_limit.map(Cores::value), Some(1.5));
        assert_eq!(total(&[with(None)].into_iter()), Resources::default());
    }
}
