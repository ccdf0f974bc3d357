//! Which pods come and go during a run, and how much room that takes.

use crate::vocabulary::PodLife;

use super::{Event, EventKind, NodesWhat, Scenario, Service, ServiceIdx};

impl Scenario {
    /// Whether pods of a service come and go.
    pub fn is_mortal(&self, service: ServiceIdx) -> bool {
        is_mortal(service, &self.services[service], &self.events)
    }

    /// Places for the pods of a service, or of a version of one, that starts with so many: a pod takes one from when it
    /// is made until its last container is gone.
    pub fn places(&self, service: ServiceIdx, replicas: u32, life: &PodLife) -> u64 {
        places((service, &self.services[service]), replicas, life, &self.events)
    }

    /// Whether nothing changes configuration, and no pod comes or goes.
    pub fn is_settled(&self) -> bool {
        let is_aside = |event: &Event| matches!(event.kind, EventKind::Surge(_) | EventKind::Network(_));
        self.events.iter().all(is_aside) && self.certificates.is_none() && self.is_immortal()
    }

    /// Whether nothing happens during a run but requests.
    pub fn is_quiet(&self) -> bool {
        self.events.is_empty() && self.certificates.is_none() && self.is_immortal()
    }

    fn is_immortal(&self) -> bool {
        self.services.iter().all(Service::is_steady)
            && !self.events.iter().any(|event| event.kind.is_of_pods())
    }

    /// Whether proxies come to certificates during a run: somebody says something of them, or pods start.
    pub fn has_certificates(&self) -> bool {
        let is_of_authority = |event: &Event| matches!(event.kind, EventKind::AuthorityDown(_));
        self.certificates.is_some() || self.events.iter().any(is_of_authority) || !self.is_immortal()
    }
}

impl Service {
    /// Whether nothing of its own makes its pods come or go.
    fn is_steady(&self) -> bool {
        let versions = self.versions.iter().map(|version| &version.application);
        let mut all = versions.chain(self.versions.is_empty().then_some(&self.application));
        self.autoscale.is_none() && !all.any(|application| application.lifecycle.oom_kill)
    }

    /// Places for all its pods where these events happen.
    pub(in crate::mesh) fn places(&self, own: ServiceIdx, events: &[Event]) -> u64 {
        let versions = self.versions.iter();
        let versions = versions.map(|version| (version.replicas, &version.application.lifecycle));
        let whole = self.versions.is_empty().then_some((self.replicas, &self.application.lifecycle));
        whole.into_iter().chain(versions).map(|(pods, life)| places((own, self), pods, life, events)).sum()
    }
}

fn is_mortal(index: ServiceIdx, service: &Service, events: &[Event]) -> bool {
    let is_among = |event: &Event| {
        matches!(event.kind, EventKind::Nodes(_)) || event.kind.of_pods().binary_search(&index).is_ok()
    };
    !service.is_steady() || events.iter().any(is_among)
}

/// As many as are ever wanted, twice, since old ones end while new ones start, and those that a rollout may have beside
/// them, which are never more than that many again.
fn places((index, service): (ServiceIdx, &Service), replicas: u32, life: &PodLife, events: &[Event]) -> u64 {
    if !is_mortal(index, service, events) {
        return u64::from(replicas);
    }
    let scaled = events.iter().filter_map(|event| match &event.kind {
        EventKind::Scale(services, wanted) if services.binary_search(&index).is_ok() => Some(*wanted),
        _ => None,
    });
    let most = scaled.chain(service.autoscale.as_ref().map(|spec| spec.max)).fold(replicas, u32::max);
    let (surge, _) = life.strategy.bounds(most);
    let (most, surge) = (u64::from(most), u64::from(surge.min(most)));
    let of_nodes = |event: &Event| if let EventKind::Nodes(nodes) = event.kind { Some(nodes) } else { None };
    let mut nodes = events.iter().filter_map(of_nodes).peekable();
    if nodes.peek().is_none() {
        return 2 * most + surge;
    }
    // Those on nodes that go are lost, and the others may be where there is no room; on each new node all may stand.
    let added = nodes.filter(|nodes| nodes.what == NodesWhat::Add).filter_map(|nodes| nodes.count);
    3 * most + 2 * surge + added.map(u64::from).sum::<u64>() * most
}
