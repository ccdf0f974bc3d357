//! The autoscaler of a control plane, and what it is told of the instances' CPU.

use crate::kernel::Schedule;
use crate::kernel::Uniform;
use crate::kernel::rng::{Key, hash_name};
use crate::policy::autoscale::HorizontalPodAutoscaler;
use crate::policy::autoscale::replicas::{Container, Phase, Pod, Sample};
use crate::program::lifecycle::Autoscaler as Setup;
use crate::units::{SimTime, Span};

use super::instances::State;
use super::{Control, Event, draw};

/// The autoscaler, and what is known of the instances by their numbers.
#[derive(Debug)]
pub(super) struct Scaler {
    rules: HorizontalPodAutoscaler,
    usages: Vec<Usage>,
}

/// What is known of the CPU of an instance.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    /// Used up to the latest look.
    used: Span,
    at: SimTime,
    /// The latest sample, with usage in thousandths of a core.
    sample: Option<(Sample, u64)>,
}

impl Scaler {
    pub(super) fn new(setup: &Setup) -> Self {
        Self { rules: HorizontalPodAutoscaler::new(setup.spec.clone(), setup.settings), usages: Vec::new() }
    }
}

impl Control<'_> {
    fn autoscaler(&self) -> Option<&Setup> {
        self.shared.setup.instance.as_ref()?.autoscaler.as_ref()
    }

    /// Looks begin at a time of their own in the second period, so that the first of them has seen a whole one.
    pub(super) fn start_scaler(&mut self, schedule: &mut Schedule<Event>) {
        let Some(setup) = self.autoscaler() else { return };
        let (program, replication) = (self.shared.program, u64::from(self.shared.replication));
        let key = Key::new(&[program.seed, replication, hash_name("control plane")]);
        let mut draws = key.draws(draw::INSTANCE_CHOICE, 1, 0, 0);
        let first = |period: Span, share: f64| SimTime::ZERO + period + period.scale(share);
        let scrape = first(setup.scrape, draws.unit());
        let sync = first(setup.settings.sync, draws.unit());
        for (at, event) in [(scrape, Event::PlaneScrape), (sync, Event::PlaneAutoscale)] {
            if at < program.drain_limit {
                schedule.at(at, event);
            }
        }
    }

    /// What the instances have used is looked at.
    pub(super) fn scrape_instances(&mut self, schedule: &mut Schedule<Event>) {
        let Some(setup) = self.autoscaler() else { return };
        let (now, period) = (schedule.now(), setup.scrape);
        let running: Vec<u32> = self.instances.of(State::Running).collect();
        for number in running {
            let used = self.used_by(number, now)[0];
            let created = self.instances.get(number).created;
            let Some(scaler) = &mut self.scaler else { return };
            if scaler.usages.len() <= number as usize {
                scaler.usages.resize(number as usize + 1, Usage::default());
            }
            let usage = &mut scaler.usages[number as usize];
            let window = now.since(usage.at.max(created));
            if window > Span::ZERO {
                let millicores = 1e3 * used.saturating_sub(usage.used).nanos() as f64 / window.nanos() as f64;
                usage.sample = Some((Sample { at: now, window }, millicores.round() as u64));
            }
            (usage.used, usage.at) = (used, now);
        }
        schedule.after(period, Event::PlaneScrape);
    }

    /// The autoscaler looks.
    pub(super) fn autoscale_instances(&mut self, schedule: &mut Schedule<Event>) {
        let Some(setup) = self.autoscaler() else { return };
        let (now, period, request) = (schedule.now(), setup.settings.sync, setup.requests[0]);
        let Some(scaler) = &mut self.scaler else { return };
        let pod = |number: u32| {
            let instance = self.instances.get(number);
            let sample = scaler.usages.get(number as usize).and_then(|usage| usage.sample);
            let is_ready = instance.state == State::Running;
            Pod {
                phase: if is_ready { Phase::Running } else { Phase::Pending },
                started: instance.created,
                is_ready,
                since: instance.since,
                sample: sample.map(|(sample, _)| sample),
                application: Container { request, usage: sample.map_or(0, |(_, usage)| usage) },
                proxy: None,
            }
        };
        let there = self.instances.of(State::Running).chain(self.instances.of(State::Starting));
        let pods: Vec<Pod> = there.map(pod).collect();
        let current = self.instances.wanted();
        let wanted = scaler.rules.sync(current, &pods, now).replicas;
        schedule.after(period, Event::PlaneAutoscale);
        if wanted != current {
            let is_measured = self.shared.program.window.contains(now);
            self.instances.counts_mut().scalings += u64::from(is_measured);
            self.scale_instances(wanted, schedule);
        }
    }
}
