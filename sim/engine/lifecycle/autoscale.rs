//! An autoscaler, and what it is told of pods' CPU.
//!
//! What pods have used is looked at every so often (metrics-server asks kubelet), and the autoscaler looks at that every so
//! often, at times of its own. The first sample of a pod spans the time since it was made.

use crate::kernel::Uniform;
use crate::policy::autoscale::HorizontalPodAutoscaler;
use crate::policy::autoscale::replicas::{Container, Phase as PodPhase, Pod, Sample};
use crate::program::lifecycle::{Autoscaler as Setup, LifeIdx};
use crate::units::{SimTime, Span};

use super::super::{Engine, Event, draw};
use super::pod::{Phase, Place};

/// The autoscaler of a workload, and the samples of its pods by place.
#[derive(Debug)]
pub(super) struct Autoscaler {
    rules: HorizontalPodAutoscaler,
    usages: Vec<Usage>,
}

/// What is known of the CPU of the pod in a place: application and proxy, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    incarnation: u16,
    /// Used up to the latest look.
    used: [f64; 2],
    at: SimTime,
    /// The latest sample, with usage in thousandths of a core.
    sample: Option<(Sample, [u64; 2])>,
}

impl Autoscaler {
    pub(super) fn new(setup: &Setup, places: u32) -> Self {
        let rules = HorizontalPodAutoscaler::new(setup.spec.clone(), setup.settings);
        Self { rules, usages: vec![Usage::default(); places as usize] }
    }
}

impl Usage {
    /// The pod has used so much CPU by now.
    fn look(&mut self, place: &Place, used: [f64; 2], now: SimTime) {
        if self.incarnation != place.incarnation {
            *self = Self { incarnation: place.incarnation, at: place.created, ..Self::default() };
            self.used = place.used_before;
        }
        let window = now.since(self.at);
        if window > Span::ZERO {
            let millicores = |one: usize| {
                ((used[one] - self.used[one]) * 1e3 / window.nanos() as f64).round().max(0.0) as u64
            };
            self.sample = Some((Sample { at: now, window }, [millicores(0), millicores(1)]));
        }
        (self.used, self.at) = (used, now);
    }
}

impl Engine<'_> {
    /// Looks begin at a time of their own within the first period.
    pub(super) fn start_autoscalers(&mut self) {
        let Some(setup) = &self.program.lifecycle else { return };
        for (life, one) in setup.lives.iter_enumerated() {
            let Some(autoscaler) = &one.autoscaler else { continue };
            let mut draws = self.life_key(life).draws(draw::POD_CHOICE, u64::MAX, 2, 0);
            let (scrape, sync) = (draws.unit(), draws.unit());
            self.schedule.after(autoscaler.scrape.scale(scrape), Event::Scrape(life));
            self.schedule.after(autoscaler.settings.sync.scale(sync), Event::Autoscale(life));
        }
    }

    /// What the pods of a workload have used is looked at.
    pub(in super::super) fn scrape(&mut self, life: LifeIdx) {
        let now = self.schedule.now();
        let Some(lifecycle) = &self.lifecycle else { return };
        let used: Vec<[f64; 2]> =
            (0..lifecycle.places[life].len() as u32).map(|place| self.used_by(life, place)).collect();
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let Some(setup) = &lifecycle.setup.lives[life].autoscaler else { return };
        let places = &lifecycle.places[life];
        if let Some(autoscaler) = &mut lifecycle.autoscalers[life] {
            let all = autoscaler.usages.iter_mut().zip(places).zip(used);
            for ((usage, place), used) in all.filter(|((_, place), _)| place.holds_a_pod()) {
                usage.look(place, used, now);
            }
        }
        self.schedule.after(setup.scrape, Event::Scrape(life));
    }

    /// CPU of the application and of the proxy in a place since the run began, in nanoseconds.
    pub(super) fn used_by(&self, life: LifeIdx, place: u32) -> [f64; 2] {
        let Some(lifecycle) = &self.lifecycle else { return [0.0; 2] };
        let now = self.schedule.now();
        let pod = &self.program.pods[self.pod_at(life, place)];
        let group = self.program.workloads[pod.workload].group;
        let proxy = group.and(pod.proxy).map_or(0.0, |proxy| {
            let idle = group.map_or(0.0, |group| self.program.groups[group].idle_cpu);
            self.proxies.cpu_used(proxy, now).nanos() as f64 + idle * now.since(SimTime::ZERO).nanos() as f64
        });
        [lifecycle.places[life][place as usize].burnt, proxy]
    }

    /// The autoscaler looks.
    pub(in super::super) fn autoscale(&mut self, life: LifeIdx) {
        let now = self.schedule.now();
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let Some(setup) = &lifecycle.setup.lives[life].autoscaler else { return };
        let has_proxy = self.program.workloads[lifecycle.setup.lives[life].workload].group.is_some();
        let current = lifecycle.deployments[life].wanted();
        let Some(autoscaler) = &mut lifecycle.autoscalers[life] else { return };
        let places = autoscaler.usages.iter().zip(&lifecycle.places[life]);
        let pods: Vec<Pod> = places
            .filter(|(_, place)| place.holds_a_pod())
            .map(|(usage, place)| seen(usage, place, setup, has_proxy))
            .collect();
        let wanted = autoscaler.rules.sync(current, &pods, now).replicas;
        self.schedule.after(setup.settings.sync, Event::Autoscale(life));
        if wanted != current {
            if let Some(lifecycle) = &mut self.lifecycle {
                lifecycle.records[life].scalings += u64::from(self.program.window.contains(now));
            }
            self.scale(life, wanted);
        }
    }

    /// The application in a pod has used CPU, if anybody wants to know.
    #[inline]
    pub(in super::super) fn note_cpu(&mut self, pod: crate::program::PodIdx, nanos: f64) {
        if let Some(lifecycle) = &mut self.lifecycle
            && let Some((life, place)) = self.program.place(pod)
        {
            lifecycle.places[life][place as usize].burnt += nanos;
        }
    }
}

/// What an autoscaler sees of a pod.
fn seen(usage: &Usage, place: &Place, setup: &Setup, has_proxy: bool) -> Pod {
    let sample = usage.sample.filter(|_| usage.incarnation == place.incarnation);
    let usage = sample.map_or([0; 2], |(_, usage)| usage);
    Pod {
        phase: match place.phase {
            Phase::Ending => PodPhase::Ending,
            _ if place.is_reachable => PodPhase::Running,
            Phase::Starting | Phase::Ready | Phase::Free | Phase::Lost => PodPhase::Pending,
        },
        started: place.created,
        is_ready: place.phase == Phase::Ready,
        since: place.ready.unwrap_or(place.created),
        sample: sample.map(|(sample, _)| sample),
        application: Container { request: setup.requests[0], usage: usage[0] },
        proxy: has_proxy.then_some(Container { request: setup.requests[1], usage: usage[1] }),
    }
}
