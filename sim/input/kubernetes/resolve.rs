//! All objects of all files together: which workloads stand behind which Service, and which pods have a proxy.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic, Diagnostics, Location, quote};
use crate::input::defaults;
use crate::input::draft::{
    AliasDraft, AutoscaleDraft, Draft, Origins, PortDraft, ProxyDraft, ServiceDraft, SubsetDraft,
    VersionDraft,
};
use crate::input::tree::Located;
use crate::vocabulary::routing::Resource;
use crate::vocabulary::{Application, Protocol};

use super::hints::{Clue, clues};
use super::life::pod_life;
use super::object::{Labels, by_name, selects};
use super::proxy::annotated;
use super::service::Service;
use super::workload::{Workload, common_labels};
use super::{Namespace, Objects};

/// What manifests hint at, until it is known what other files say of the same services.
#[derive(Debug, Default)]
pub(in crate::input) struct Hints {
    /// By full name of the service and version, what its containers are told.
    pub(super) clues: Vec<(String, Option<String>, Vec<Clue>)>,
    /// Workloads that make requests and serve none.
    pub(super) clients: Vec<Client>,
}

/// A workload that makes requests and serves none.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) name: Located<String>,
    pub(super) namespace: String,
    pub(super) replicas: u32,
    pub(super) clues: Vec<Clue>,
}

/// A Service, and the rows of the workloads that only it stands for.
struct Claim<'o> {
    service: &'o Service,
    workloads: Vec<usize>,
    aliases: Vec<AliasDraft>,
    further_ports: Vec<PortDraft>,
}

/// Adds what the objects say to the draft, and keeps what they hint at.
pub(super) fn resolve(objects: &Objects, draft: &mut Draft, diagnostics: &mut Diagnostics) -> Hints {
    let mut resolver = Resolver { objects, draft, diagnostics, hints: Hints::default() };
    let claims = resolver.claims();
    let mut services = Vec::new();
    for claim in claims {
        services.push((resolver.service(&claim), claim.workloads));
    }
    let claimed: BTreeSet<usize> = services.iter().flat_map(|(_, rows)| rows).copied().collect();
    for (row, workload) in objects.workloads.iter().enumerate().filter(|(row, _)| !claimed.contains(row)) {
        if let Some(service) = resolver.alone(workload) {
            services.push((service, vec![row]));
        }
    }
    // In the order of the files, whoever stands for most pods.
    services.sort_by_key(|(service, _)| service.name.location);
    resolver.inject(&services);
    resolver.draft.services.extend(services.into_iter().map(|(service, _)| service));
    resolver.hints
}

struct Resolver<'a> {
    objects: &'a Objects,
    draft: &'a mut Draft,
    diagnostics: &'a mut Diagnostics,
    hints: Hints,
}

impl<'a> Resolver<'a> {
    /// Each workload goes to one Service: that of most workloads first, as the others stand for parts of it.
    fn claims(&mut self) -> Vec<Claim<'a>> {
        let objects = self.objects;
        let mut of_namespace: BTreeMap<&str, Vec<(usize, Labels<'_>)>> = BTreeMap::new();
        for (row, workload) in objects.workloads.iter().enumerate() {
            let labels = by_name(&workload.template.labels);
            of_namespace.entry(workload.meta.namespace()).or_default().push((row, labels));
        }
        let selected = |service: &Service| -> Vec<usize> {
            let candidates = of_namespace.get(service.meta.namespace()).into_iter().flatten();
            candidates.filter(|(_, labels)| selects(&service.selector, labels)).map(|(row, _)| *row).collect()
        };
        let mut order: Vec<(&Service, Vec<usize>)> =
            objects.services.iter().map(|service| (service, selected(service))).collect();
        // Of several for the same pods the others are longer names of the first: `reviews-headless` of `reviews`.
        let rank =
            |(service, rows): &(&Service, Vec<usize>)| (Reverse(rows.len()), service.meta.name.value.len());
        order.sort_by_key(rank);
        let mut owner: BTreeMap<usize, usize> = BTreeMap::new();
        let mut claims: Vec<Claim<'a>> = Vec::new();
        for (service, rows) in order {
            let owners: BTreeSet<Option<usize>> = rows.iter().map(|row| owner.get(row).copied()).collect();
            match owners.iter().copied().collect::<Vec<_>>()[..] {
                [] => self.warn(&service.meta.name, "selects no pods that were read"),
                [Some(first)] => self.alias(&mut claims[first], service, &rows),
                _ => {
                    if owners.len() > 1 {
                        self.warn(&service.meta.name, "shares some of its pods, which stay another's");
                    }
                    let workloads: Vec<usize> =
                        rows.into_iter().filter(|row| !owner.contains_key(row)).collect();
                    if workloads.is_empty() {
                        continue;
                    }
                    owner.extend(workloads.iter().map(|row| (*row, claims.len())));
                    let (aliases, further_ports) = (Vec::new(), Vec::new());
                    claims.push(Claim { service, workloads, aliases, further_ports });
                }
            }
        }
        claims
    }

    /// A second Service for pods of one that is known: another name for all of them, or for a part.
    fn alias(&mut self, claim: &mut Claim<'_>, service: &Service, rows: &[usize]) {
        let name = service.meta.name.clone();
        let part = rows.len() < claim.workloads.len();
        if part {
            self.draft.subsets.push(SubsetDraft {
                resource: Resource::Kubernetes,
                namespace: service.meta.namespace.as_ref().map(|namespace| namespace.value.clone()),
                service: claim.service.meta.name.clone(),
                name: name.clone(),
                labels: service.selector.clone(),
            });
        }
        let subset = part.then(|| name.value.clone());
        let ports = service.ports.iter().map(|port| port.draft.number).collect();
        claim.aliases.push(AliasDraft { name, subset, ports });
        claim.further_ports.extend(service.ports.iter().map(|port| port.draft.clone()));
    }

    fn warn(&mut self, name: &Located<String>, what: &str) {
        let message = format!("Service {} {what}", quote(&name.value));
        self.diagnostics.push(Diagnostic::warning(Code::NotModelled, message).at(name.location));
    }

    fn service(&mut self, claim: &Claim<'_>) -> ServiceDraft {
        let service = claim.service;
        let mut ports: Vec<PortDraft> = Vec::new();
        for port in service.ports.iter().map(|port| &port.draft).chain(&claim.further_ports) {
            if ports.iter().all(|known| known.number != port.number) {
                ports.push(port.clone());
            }
        }
        self.check_ports(claim);
        let mut draft = self.draft_of(&claim.workloads, service.meta.name.clone(), &ports);
        draft.namespace.clone_from(&service.meta.namespace);
        draft.aliases.clone_from(&claim.aliases);
        draft.ports = ports;
        self.keep_clues(&draft, &claim.workloads);
        draft
    }

    /// A workload that no Service stands for: a service of its own name, or a client.
    fn alone(&mut self, workload: &Workload) -> Option<ServiceDraft> {
        let row = self.objects.workloads.iter().position(|other| std::ptr::eq(other, workload))?;
        let clues = clues(&workload.template, workload.meta.namespace(), &self.objects.config_maps);
        let serves = workload.template.application().any(|container| !container.ports.is_empty());
        if !serves && super::hints::makes_load(&workload.meta.name.value, &clues) {
            self.hints.clients.push(Client {
                name: workload.meta.name.clone(),
                namespace: workload.meta.namespace().to_owned(),
                replicas: workload.replicas.as_ref().map_or(1, |replicas| replicas.value),
                clues,
            });
            return None;
        }
        let mut draft = self.draft_of(&[row], workload.meta.name.clone(), &[]);
        draft.namespace.clone_from(&workload.meta.namespace);
        self.keep_clues(&draft, &[row]);
        Some(draft)
    }

    /// Replicas, labels, resources and proxies of these workloads, as one service.
    fn draft_of(&mut self, rows: &[usize], name: Located<String>, ports: &[PortDraft]) -> ServiceDraft {
        let objects = self.objects;
        let workloads: Vec<&Workload> = rows.iter().map(|row| &objects.workloads[*row]).collect();
        let protocol = ports.first().map_or(Protocol::Http1, |port| port.protocol);
        let versions: Vec<VersionDraft> =
            workloads.iter().map(|workload| self.version(workload, &workloads, protocol)).collect();
        let location = versions.first().map_or(name.location, |version| version.replicas.location);
        let sum = versions.iter().fold(0_u32, |sum, version| sum.saturating_add(version.replicas.value));
        // What not all of them say is their own.
        let says = |version: &VersionDraft, proxy: &ProxyDraft| {
            version.proxies.iter().any(|own| own.settings == proxy.settings)
        };
        let mut common = versions.first().map(|first| first.proxies.clone()).unwrap_or_default();
        common.retain(|proxy| versions.iter().all(|version| says(version, proxy)));
        ServiceDraft {
            replicas: Located::new(sum, location),
            labels: common_labels(workloads.iter().copied()),
            application: versions.first().map(|first| first.application.clone()).unwrap_or_default(),
            proxies: common,
            autoscale: self.autoscale(&workloads),
            versions: if versions.len() > 1 { versions } else { Vec::new() },
            ..ServiceDraft::of(name, Origins::Manifest)
        }
    }

    /// The autoscaler of the only workload of a service.
    fn autoscale(&mut self, workloads: &[&Workload]) -> Option<AutoscaleDraft> {
        if let [only] = workloads {
            return only.autoscale.clone();
        }
        for workload in workloads {
            if let Some(autoscale) = &workload.autoscale {
                let name = quote(&workload.meta.full_name());
                let message =
                    format!("{name} is one of several workloads of its Service and is not scaled by itself");
                let problem = Diagnostic::warning(Code::NotModelled, message).at(autoscale.location);
                self.diagnostics.push(problem.hint("its replicas stay as they are"));
            }
        }
        None
    }

    /// A workload among those of its service: called as its label says, if no other is called so.
    fn version(&mut self, workload: &Workload, all: &[&Workload], protocol: Protocol) -> VersionDraft {
        let label = workload.template.label("version");
        let same = all.iter().filter(|other| other.template.label("version") == label).count();
        let own = &workload.meta.name;
        let name = label.filter(|label| same == 1 && !label.trim().is_empty()).unwrap_or(&own.value);
        VersionDraft {
            name: Located::new(name.to_owned(), own.location),
            replicas: self.replicas(workload),
            labels: workload.template.labels.clone(),
            application: Application {
                protocol,
                resources: workload.template.resources(),
                lifecycle: pod_life(&workload.template, workload.replacement),
                ..Application::default()
            },
            operations: Vec::new(),
            proxies: self.proxies(workload),
        }
    }

    fn replicas(&mut self, workload: &Workload) -> Located<u32> {
        if let Some(replicas) = &workload.replicas {
            return replicas.clone();
        }
        let nodes = self.draft.cluster.nodes.as_ref().and_then(|nodes| nodes.count.as_ref());
        let count = nodes.map_or(defaults::REPLICAS, |count| count.value);
        let location = workload.meta.name.location;
        let name = quote(&workload.meta.full_name());
        let guess =
            format!("{name} has {count} pods: one on each node, whose number no file gives otherwise");
        if nodes.is_none() {
            self.draft.guesses.push(Located::new(guess, location));
        }
        Located::new(count, location)
    }

    fn proxies(&mut self, workload: &Workload) -> Vec<ProxyDraft> {
        if let Some(injected) = workload.injected {
            return vec![injected];
        }
        let namespace = self.objects.namespace(workload.meta.namespace());
        let inherited = namespace.map_or(&[][..], |namespace| &namespace.annotations);
        annotated(&workload.template, inherited, self.diagnostics)
    }

    /// What is said of ports fits what is behind them.
    fn check_ports(&mut self, claim: &Claim<'_>) {
        let objects = self.objects;
        for port in &claim.service.ports {
            let Some(target) = &port.target else { continue };
            let has = |row: &usize| {
                let containers = &objects.workloads[*row].template.containers;
                let mut ports = containers.iter().flat_map(|container| &container.ports);
                ports.any(|(name, _)| name.as_deref() == Some(&*target.value))
            };
            if !claim.workloads.iter().any(has) {
                let message = format!("no container has a port named {}", quote(&target.value));
                let diagnostic = Diagnostic::warning(Code::UnknownName, message).at(target.location);
                self.diagnostics
                    .push(diagnostic.hint("requests to it are refused in the cluster; here they arrive"));
            }
        }
        for port in claim.service.ports.iter().filter(|port| port.detected) {
            let protocol = if port.draft.protocol == Protocol::Tcp { "opaque TCP" } else { "HTTP/1.1" };
            let name = quote(&claim.service.meta.full_name());
            let guess = format!(
                "port {} of {name} speaks {protocol}: neither its name nor `appProtocol` says so",
                port.draft.number
            );
            self.draft.guesses.push(Located::new(guess, port.location));
        }
    }

    fn keep_clues(&mut self, draft: &ServiceDraft, rows: &[usize]) {
        for (position, row) in rows.iter().enumerate() {
            let workload = &self.objects.workloads[*row];
            let version = draft.versions.get(position).map(|version| version.name.value.clone());
            let found = clues(&workload.template, workload.meta.namespace(), &self.objects.config_maps);
            self.hints.clues.push((draft.full_name(), version, found));
        }
    }

    /// Services that get no proxy are excluded, if any is to have one and the user has not chosen.
    fn inject(&mut self, services: &[(ServiceDraft, Vec<usize>)]) {
        if self.draft.mesh.inject.is_some() {
            return;
        }
        let objects = self.objects;
        let seen = objects.workloads.iter().any(|workload| workload.live && workload.injected.is_some());
        let wish = |workload: &Workload| -> Option<(bool, Option<Location>)> {
            match workload.injected {
                Some(proxy) => Some((true, Some(proxy.location))),
                None if workload.live && seen => Some((false, None)),
                None => workload.template.wish().or_else(|| {
                    let namespace = objects.namespace(workload.meta.namespace())?;
                    Some((namespace.wish?, Some(namespace.location)))
                }),
            }
        };
        let wishes: Vec<_> = objects.workloads.iter().map(wish).collect();
        let any = wishes.iter().flatten().any(|(wanted, _)| *wanted);
        for (service, rows) in services {
            let of = |row: &usize| wishes[*row].unwrap_or((!any, None));
            let with = rows.iter().filter(|row| of(row).0).count();
            if with == 0 {
                let place = rows.iter().find_map(|row| of(row).1).unwrap_or(service.name.location);
                self.draft.mesh.exclude.services.push(Located::new(service.full_name(), place));
            } else if with < rows.len() {
                let message =
                    format!("only some pods of {} get a proxy; here all do", quote(&service.full_name()));
                let diagnostic = Diagnostic::warning(Code::NotModelled, message);
                self.diagnostics.push(diagnostic.at(service.name.location));
            }
        }
    }
}

impl Objects {
    fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }
}
