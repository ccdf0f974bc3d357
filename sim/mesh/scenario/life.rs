//! Which pods come and go during a run, and how much room that takes.

use crate::vocabulary::PodLife;

use super::{Event, EventKind, Scenario, Service, ServiceIdx};

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

    /// Whether nothing happens during a run but requests.
    pub fn is_quiet(&self) -> bool {
        self.events.is_empty() && self.certificates.is_none() && self.is_immortal()
    }

    fn is_immortal(&self) -> bool {
        self.services.iter().all(|service| service.autoscale.is_none())
            && self.events.iter().all(|event| event.kind.of_pods().is_empty())
    }

    /// Whether proxies come to certificates during a run: somebody says something of them, or pods start.
    pub fn has_certificates(&self) -> bool {
        let is_of_authority = |event: &Event| matches!(event.kind, EventKind::AuthorityDown(_));
        self.certificates.is_some() || self.events.iter().any(is_of_authority) || !self.is_immortal()
    }
}

impl Service {
    /// Places for all its pods where these events happen.
    pub(in crate::mesh) fn places(&self, own: ServiceIdx, events: &[Event]) -> u64 {
        let versions = self.versions.iter();
        let versions = versions.map(|version| (version.replicas, &version.application.lifecycle));
        let whole = self.versions.is_empty().then_some((self.replicas, &self.application.lifecycle));
        whole.into_iter().chain(versions).map(|(pods, life)| places((own, self), pods, life, events)).sum()
    }
}

fn is_mortal(index: ServiceIdx, service: &Service, events: &[Event]) -> bool {
    let is_among = |event: &Event| event.kind.of_pods().binary_search(&index).is_ok();
    service.autoscale.is_some() || events.iter().any(is_among)
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
    2 * u64::from(most) + u64::from(surge.min(most))
}
