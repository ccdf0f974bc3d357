//! Who holds certificates, when those are renewed, and what issuing them costs.

use std::collections::BTreeMap;

use crate::index::{Idx, IndexVec};
use crate::index_type;
use crate::kernel::rng::{extend_path, hash_name};
use crate::mesh::model::{CertificateModel, HolderModel, Renewal};
use crate::mesh::scenario::{Event, EventKind, Issued, Scenario};
use crate::policy::certificate::{Policy, Retry, Rotation};
use crate::units::{Ratio, SimTime, Span};

use super::super::happening::Happening;
use super::super::{GroupIdx, PodIdx, Program, ProxyIdx, WorkloadIdx};
use super::{Subscriber, SubscriberIdx};

index_type! {
    /// Something that holds a certificate: a proxy beside a pod, or for pods of one identity that of their node.
    pub struct HolderIdx;
}

/// Certificates of a mesh's proxies. CPU times are those of the cluster's machines.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// In the order of the first of their pods.
    pub holders: IndexVec<HolderIdx, Holder>,
    /// Of proxies beside their pods, and of those on nodes.
    pub kinds: [Kind; 2],
    /// The holder that speaks for each pod.
    pub of_pods: IndexVec<PodIdx, Option<HolderIdx>>,
    /// When those were issued that are there from the start on.
    pub issued: Issued,
    /// CPU of the authority to issue one.
    pub issue: Span,
    /// The authority is the control plane, and shares its instances' CPU. Otherwise it has as many instances of its own,
    /// each with as many cores.
    pub is_control_plane: bool,
}

/// What kind of holder one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// When certificates are renewed.
    pub policy: Policy,
    /// CPU of a key and a request.
    pub request: Span,
}

/// Something that holds a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The proxy that asks for it.
    pub proxy: ProxyIdx,
    /// Its pod, if it stands beside one.
    pub pod: Option<PodIdx>,
    /// Pods that it speaks for when the run begins.
    pub pods: u32,
    /// The same whatever else is in the scenario.
    pub identity: u64,
}

impl Holder {
    /// Which of the kinds it is.
    pub const fn kind(&self) -> usize {
        if self.pod.is_some() { 0 } else { 1 }
    }
}

/// For a time nobody gets a certificate, whatever the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Its name, and when it begins.
    pub when: Happening,
    /// For how long it lasts each time.
    pub length: Span,
}

impl Outage {
    /// Whether nobody gets a certificate at a time.
    pub fn is_on(&self, now: SimTime) -> bool {
        self.when.is_on(now, Some(self.length))
    }

    /// When the last one ends.
    pub fn end(&self) -> SimTime {
        self.when.last() + self.length
    }
}

/// In the scenario's order.
pub(super) fn outages(scenario: &Scenario, program: &Program) -> Vec<Outage> {
    let outage = |event: &Event| {
        let EventKind::AuthorityDown(length) = event.kind else { return None };
        Some(Outage { when: Happening::of(event, program.window.end()), length })
    };
    scenario.events.iter().filter_map(outage).collect()
}

/// `None` where nobody holds any, or nothing happens that has to do with them.
pub(super) fn build(
    scenario: &Scenario,
    model: Option<&CertificateModel>,
    program: &Program,
    subscribers: &IndexVec<SubscriberIdx, Subscriber>,
) -> Option<Certificates> {
    let model = model.filter(|_| scenario.has_certificates())?;
    let settings = scenario.certificates.unwrap_or_default();
    let speed = scenario.cluster.cpu_speed;
    let kind = |holder: &HolderModel| Kind {
        policy: policy(model, holder, settings.life),
        request: holder.request.scale(1.0 / speed),
    };
    let (holders, of_pods) = holders(program, subscribers);
    Some(Certificates {
        holders,
        kinds: [kind(&model.beside), kind(model.node.as_ref().unwrap_or(&model.beside))],
        of_pods,
        issued: settings.issued,
        issue: model.issue.scale(1.0 / speed),
        is_control_plane: model.is_control_plane,
    })
}

fn policy(model: &CertificateModel, holder: &HolderModel, life: Option<Span>) -> Policy {
    let rotation = match holder.renewal {
        Renewal::Jittered { ratio, jitter } => Rotation::Left { ratio: rest(ratio), jitter },
        Renewal::OfValidity { ratio } => Rotation::OfValidity { ratio },
        Renewal::OfWhatIsLeft { ratio, least, most } => {
            Rotation::OfWhatIsLeft { ratio, min: least, max: most }
        }
    };
    let (first, longest) = holder.retry;
    Policy {
        life: life.unwrap_or(model.life) + model.prolonged,
        backdated: model.backdated,
        rotation,
        retry: Retry { first, longest },
    }
}

fn rest(share: Ratio) -> Ratio {
    Ratio::new(1.0 - share.value()).expect("what is left of a share is one")
}

/// Every proxy that the mesh's control plane knows; that of a node has a certificate for each service of which pods are
/// there, since those of a service share an account.
fn holders(
    program: &Program,
    subscribers: &IndexVec<SubscriberIdx, Subscriber>,
) -> (IndexVec<HolderIdx, Holder>, IndexVec<PodIdx, Option<HolderIdx>>) {
    let mut identities: IndexVec<ProxyIdx, Option<u64>> = IndexVec::filled(None, program.proxies.len());
    for subscriber in subscribers {
        identities[subscriber.proxy] = Some(subscriber.identity);
    }
    let mut holders: IndexVec<HolderIdx, Holder> = IndexVec::new();
    let mut of_nodes: BTreeMap<(ProxyIdx, usize), HolderIdx> = BTreeMap::new();
    let holder = |(index, pod): (PodIdx, &super::super::Pod)| {
        let proxy = pod.proxy?;
        let identity = identities[proxy]?;
        let workload = &program.workloads[pod.workload];
        let is_there = index.0 - workload.first_pod.0 < workload.wanted;
        let found = if workload.group.is_some() {
            holders.push(Holder { proxy, pod: Some(index), pods: 0, identity })
        } else {
            let (account, name) = account(program, pod.workload);
            *of_nodes.entry((proxy, account)).or_insert_with(|| {
                let identity = extend_path(identity, hash_name(name));
                holders.push(Holder { proxy, pod: None, pods: 0, identity })
            })
        };
        holders[found].pods += u32::from(is_there);
        Some(found)
    };
    let of_pods = program.pods.iter_enumerated().map(holder).collect();
    (holders, of_pods)
}

/// What tells the service account of a workload from others: its service, or itself.
fn account(program: &Program, workload: WorkloadIdx) -> (usize, &str) {
    match program.workloads[workload].service {
        Some(service) => (service.position(), &program.services[service].name),
        None => (program.services.len() + workload.position(), &program.workloads[workload].name),
    }
}

impl Certificates {
    /// The group that a holder's proxy belongs to.
    pub fn group(&self, program: &Program, holder: HolderIdx) -> GroupIdx {
        program.proxies[self.holders[holder].proxy].group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_down_from_each_time_on_for_so_long() {
        let seconds = |seconds: f64| SimTime::ZERO + Span::from_seconds_f64(seconds);
        let outage = |every: u64, times, length| Outage {
            when: Happening {
                first: seconds(10.0),
                every: Span::from_seconds(every),
                times,
                ..Happening::never(String::new())
            },
            length: Span::from_seconds(length),
        };
        let on = |outage: &Outage| -> Vec<u64> {
            (0..60).filter(|&at| outage.is_on(seconds(at as f64))).collect()
        };
        assert_eq!(on(&outage(0, 1, 3)), [10, 11, 12]);
        assert_eq!(on(&outage(20, 2, 2)), [10, 11, 30, 31]);
        assert_eq!(on(&outage(2, 3, 3)), (10..17).collect::<Vec<_>>(), "they overlap");
        assert!(on(&outage(0, 0, 3)).is_empty(), "behind the end of the window");
        assert_eq!(outage(20, 2, 2).end(), seconds(32.0));
    }
}
