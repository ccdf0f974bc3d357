//! The mesh's proxies are replaced: sidecars with their pods, wave by wave; node proxies one node after the other.
//!
//! A new node proxy starts beside the old one and takes new connections once it is ready, when the next node's turn comes
//! (a DaemonSet of `maxSurge: 1`). The old one goes on with what it has until it has drained, and then cuts what is left:
//! connections are closed, and calls on them reset.

use crate::index::Idx;
use crate::placement::NodeIdx;
use crate::program::lifecycle::{IncidentIdx, IncidentKind};
use crate::program::{EdgeIdx, PodIdx, ProxyIdx};
use crate::units::{SimTime, Span};
use crate::vocabulary::failure::Cause;

use super::super::call::Progress;
use super::super::{Engine, Event};

/// A replacement of sidecars that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upgrade {
    incident: IncidentIdx,
    /// The wave that is under way, or that comes next.
    wave: u32,
    is_under_way: bool,
}

impl Engine<'_> {
    /// The proxies are replaced from now on.
    pub(super) fn begin_upgrade(&mut self, incident: IncidentIdx) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        match &lifecycle.setup.incidents[incident].kind {
            IncidentKind::Upgrade { .. } => {
                // One that happens again begins anew.
                lifecycle.upgrades.retain(|upgrade| upgrade.incident != incident);
                lifecycle.upgrades.push(Upgrade { incident, wave: 0, is_under_way: false });
                self.next_wave(incident);
            }
            IncidentKind::UpgradeNodes { nodes, start } => {
                let drain = lifecycle.setup.node_proxy_drain;
                let mut ready = self.schedule.now();
                for &node in nodes {
                    ready += *start;
                    self.schedule.at(ready + drain, Event::NodeProxyGone(node));
                }
            }
            _ => {}
        }
    }

    /// The next wave of an upgrade begins.
    pub(in super::super) fn next_wave(&mut self, incident: IncidentIdx) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let IncidentKind::Upgrade { waves, .. } = &lifecycle.setup.incidents[incident].kind else { return };
        let found = lifecycle.upgrades.iter().find(|upgrade| upgrade.incident == incident);
        let Some(upgrade) = found.filter(|upgrade| !upgrade.is_under_way) else { return };
        let Some(wave) = waves.get(upgrade.wave as usize) else {
            return lifecycle.upgrades.retain(|upgrade| upgrade.incident != incident);
        };
        for &life in wave {
            self.begin_rollout(life);
        }
        // Only now: one that has nothing to replace is done before the others have begun.
        let Some(lifecycle) = &mut self.lifecycle else { return };
        if let Some(upgrade) = lifecycle.upgrades.iter_mut().find(|upgrade| upgrade.incident == incident) {
            upgrade.is_under_way = true;
        }
        self.look_at_upgrades();
    }

    /// Waves that are done are followed by the next.
    pub(super) fn look_at_upgrades(&mut self) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        for position in 0..lifecycle.upgrades.len() {
            let Upgrade { incident, wave, is_under_way } = lifecycle.upgrades[position];
            let IncidentKind::Upgrade { waves, pause } = &lifecycle.setup.incidents[incident].kind else {
                continue;
            };
            let is_done = || waves[wave as usize].iter().all(|&life| lifecycle.is_rolled_out(life));
            if is_under_way && is_done() {
                lifecycle.upgrades[position].is_under_way = false;
                lifecycle.upgrades[position].wave += 1;
                self.schedule.after(*pause, Event::Wave(incident));
            }
        }
    }

    /// A node's old proxy is gone: connections that it had, which are older than its draining, are cut.
    pub(in super::super) fn cut_connections(&mut self, node: NodeIdx) {
        let drain = self.program.lifecycle.as_ref().map_or(Span::ZERO, |setup| setup.node_proxy_drain);
        let since = SimTime::ZERO + self.schedule.now().since(SimTime::ZERO).saturating_sub(drain);
        let own = self.program.pods.iter().find(|pod| {
            pod.node == Some(node)
                && pod.proxy.is_some()
                && self.program.workloads[pod.workload].group.is_none()
        });
        let Some(proxy) = own.and_then(|pod| pod.proxy) else { return };
        let is_old = |this: &Self, call: &super::super::call::Call| {
            call.progress == Progress::Sent
                && this.connections[call.connection].opened < since
                && [call.caller, call.callee].iter().any(|&pod| this.program.pods[pod].proxy == Some(proxy))
        };
        let calls: Vec<_> =
            self.calls.ids().into_iter().filter(|&id| is_old(self, &self.calls[id])).collect();
        for index in (0..self.program.edges.len()).map(EdgeIdx::at) {
            let edge = &self.program.edges[index];
            let workload = &self.program.workloads[edge.caller];
            for caller in (0..workload.pods).map(|place| PodIdx(workload.first_pod.0 + place)) {
                self.cut_idle(index, caller, proxy, since);
            }
        }
        for id in calls {
            // One may have gone with another.
            if self.calls.is_live(id) && self.calls[id].progress == Progress::Sent {
                self.give_up(id, Cause::Reset);
            }
        }
    }

    fn cut_idle(&mut self, index: EdgeIdx, caller: PodIdx, proxy: ProxyIdx, since: SimTime) {
        let now = self.schedule.now();
        let (program, edge) = (self.program, &self.program.edges[index]);
        let position = (program.pods[caller].first_view + edge.slot) as usize;
        let Some(view) = &mut self.views[position] else { return };
        let is_cut = |endpoint: u32| program.ends(caller, edge, endpoint).contains(&Some(proxy));
        for endpoint in view.close_old(&mut self.connections, since, now, is_cut) {
            self.proxies.connection_closed(program.ends(caller, edge, endpoint), now);
        }
    }
}
