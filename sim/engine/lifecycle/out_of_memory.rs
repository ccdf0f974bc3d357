//! Proxies beside pods whose memory passes its limit: they are killed, and started again after kubelet's back-off.
//!
//! With the proxy go its connections and all that is on them. Its application is unhurt, but cannot be reached and reaches
//! nobody: what it has under way it gives up. The pod is not ready meanwhile.

use crate::kernel::rng::Key;
use crate::policy::pod_start::{Line, Plan, Sidecar};
use crate::program::lifecycle::LifeIdx;
use crate::program::{PodIdx, Program, ProxyIdx};
use crate::units::Span;

use super::super::{Engine, draw};
use super::pod::Phase;
use super::stages::PodStage;

/// How often a container waits until what was under way to the one before it is over.
const BEFORE_ANOTHER_LOOK: Span = Span::from_millis(100);

/// The pods beside which proxies stand that may be killed, by proxy; empty where none may.
pub(super) fn mortal_proxies(program: &Program) -> Vec<(ProxyIdx, PodIdx)> {
    let Some(setup) = &program.lifecycle else { return Vec::new() };
    let lives = setup.lives.iter().filter(|life| life.oom_kill);
    let pods = lives.flat_map(|life| {
        let workload = &program.workloads[life.workload];
        let own = workload.group.map_or(0, |_| workload.pods);
        (0..own).map(move |place| PodIdx(workload.first_pod.0 + place))
    });
    let mut proxies: Vec<_> = pods.filter_map(|pod| Some((program.pods[pod].proxy?, pod))).collect();
    proxies.sort_unstable();
    proxies
}

impl Engine<'_> {
    /// From now on proxies may be killed.
    pub(super) fn limit_memory(&mut self) {
        let Some(lifecycle) = &self.lifecycle else { return };
        for &(proxy, _) in &lifecycle.mortal_proxies {
            let group = &self.program.groups[self.program.proxies[proxy].group];
            if let Some(limit) = group.memory_limit {
                self.proxies.limit_memory(proxy, limit as f64);
            }
        }
    }

    /// A new proxy may be killed as the one before it.
    pub(super) fn limit_memory_of(&mut self, pod: PodIdx, proxy: ProxyIdx) {
        let (Some((life, _)), Some(lifecycle)) = (self.program.place(pod), &self.lifecycle) else { return };
        let group = &self.program.groups[self.program.proxies[proxy].group];
        if let Some(limit) = group.memory_limit.filter(|_| lifecycle.setup.lives[life].oom_kill) {
            self.proxies.limit_memory(proxy, limit as f64);
        }
    }

    /// Proxies have passed their limits.
    #[cold]
    pub(in super::super) fn kill_proxies(&mut self) {
        while let Some(proxy) = self.proxies.next_above_limit() {
            let Some(lifecycle) = &self.lifecycle else { return };
            let found = lifecycle.mortal_proxies.binary_search_by_key(&proxy, |&(proxy, _)| proxy);
            if let Ok(position) = found {
                let (_, pod) = lifecycle.mortal_proxies[position];
                self.kill_proxy(pod);
            }
        }
    }

    fn kill_proxy(&mut self, pod: PodIdx) {
        let now = self.schedule.now();
        let (Some((life, place)), Some(lifecycle)) = (self.program.place(pod), &mut self.lifecycle) else {
            return;
        };
        let state = &mut lifecycle.places[life][place as usize];
        if !state.is_active() || state.is_lost {
            return;
        }
        let restart = state.crashes.on_end(now);
        (state.phase, state.ready, state.is_available) = (Phase::Starting, None, false);
        (state.accepts, state.is_reachable, state.serves) = (false, false, false);
        // What was to happen to it does not.
        state.incarnation = state.incarnation.wrapping_add(1);
        (state.plan, state.configured) = (None, None);
        let incarnation = state.incarnation;
        let endpoint = lifecycle.setup.lives[life].end.endpoint;
        let record = &mut lifecycle.records[life];
        record.oom_kills += u64::from(self.program.window.contains(now));
        self.drain(pod);
        self.break_calls(pod);
        self.abandon_own(pod);
        if let Some(control) = &mut self.control {
            control.disconnect(pod, &mut self.schedule);
        }
        self.stop_proxy(pod);
        self.stage_at(now + endpoint, pod, incarnation, PodStage::EndpointRemoved);
        self.stage_at(restart, pod, incarnation, PodStage::Restarted);
        self.roll(life);
    }

    /// The proxy's container is started again.
    pub(super) fn restart_proxy(&mut self, life: LifeIdx, place: u32) {
        let now = self.schedule.now();
        let pod = self.pod_at(life, place);
        let is_clear = self.control.as_ref().is_none_or(|control| control.is_clear(pod));
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let setup = &lifecycle.setup.lives[life];
        let state = &mut lifecycle.places[life][place as usize];
        let incarnation = state.incarnation;
        if !is_clear {
            return self.stage_at(now + BEFORE_ANOTHER_LOOK, pod, incarnation, PodStage::Restarted);
        }
        let identity = self.program.pods[pod].identity;
        let key = Key::new(&[self.program.seed, u64::from(self.replication), identity]);
        let plan = setup.start.plan(&mut key.draws(draw::POD_START, 0, u32::from(incarnation), 0));
        let plan = of_proxy_alone(plan);
        (state.plan, state.began) = (Some(plan), now);
        lifecycle.records[life].restarts += u64::from(self.program.window.contains(now));
        self.forget_views(pod);
        self.renew_proxy(pod);
        let line = Line::new(&plan, now);
        if let Some(control) = &mut self.control {
            control.forget_certificate(pod);
        }
        self.set_out_to_start(life, place, (&line, &plan));
    }
}

/// Of a pod that is there already, but for its proxy.
fn of_proxy_alone(plan: Plan) -> Plan {
    Plan {
        // The pod is ready with its proxy's first success, which nobody else waits for.
        sidecar: if plan.sidecar == Sidecar::None { Sidecar::None } else { Sidecar::Native },
        schedule: Span::ZERO,
        sandbox: Span::ZERO,
        init: Span::ZERO,
        proxy_pull: Span::ZERO,
        application_pull: Span::ZERO,
        application_start: Span::ZERO,
        readiness: None,
        ..plan
    }
}
