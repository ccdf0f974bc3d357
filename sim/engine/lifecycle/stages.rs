//! A pod from one stage of its life to the next.

use crate::kernel::rng::Key;
use crate::policy::pod_end::End;
use crate::policy::pod_start::{Line, Plan, Stage};
use crate::policy::rollout::available_from;
use crate::program::PodIdx;
use crate::program::lifecycle::LifeIdx;
use crate::units::{SimTime, Span};

use super::super::{Engine, Event, draw};
use super::pod::Phase;

/// What happens to a pod at one time of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodStage {
    /// Its proxy has its certificate and asks for its configuration.
    Asking,
    /// Its proxy has its first configuration.
    Configured,
    /// Its proxy, or its application without one, answers.
    Reachable,
    /// All its containers are ready.
    Ready,
    /// It has been ready for long enough.
    Available,
    /// Its endpoint is written.
    EndpointWritten,
    /// Its endpoint is written as one that takes no new requests.
    EndpointRemoved,
    /// Its proxy, or its application without one, asks its clients to go elsewhere.
    Draining,
    /// It takes no new connection.
    Closed,
    /// Its application is gone.
    ApplicationGone,
    /// Its proxy is gone.
    ProxyGone,
    /// All of it is gone.
    Gone,
    /// Its proxy's container is started again.
    Restarted,
}

impl Engine<'_> {
    /// A pod is made in a free place.
    pub(super) fn start_pod(&mut self, life: LifeIdx, place: u32, revision: u32) {
        let now = self.schedule.now();
        let (pod, used) = (self.pod_at(life, place), self.used_by(life, place));
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let setup = &lifecycle.setup.lives[life];
        let state = &mut lifecycle.places[life][place as usize];
        state.take(revision, used, now);
        let incarnation = state.incarnation;
        if let Some(nodes) = &mut lifecycle.nodes {
            nodes.take(self.program.pods[pod].node, setup.request);
        }
        let key =
            Key::new(&[self.program.seed, u64::from(self.replication), self.program.pods[pod].identity]);
        let mut draws = key.draws(draw::POD_START, 0, u32::from(incarnation), 0);
        let plan = setup.start.plan(&mut draws);
        state.plan = Some(plan);
        let line = Line::new(&plan, now);
        self.forget_views(pod);
        self.renew_proxy(pod);
        self.set_out_to_start(life, place, (&line, &plan));
    }

    /// The containers of a pod, or its proxy alone, are started.
    pub(super) fn set_out_to_start(&mut self, life: LifeIdx, place: u32, (line, plan): (&Line, &Plan)) {
        let pod = self.pod_at(life, place);
        let Some(lifecycle) = &self.lifecycle else { return };
        let incarnation = lifecycle.places[life][place as usize].incarnation;
        let certified = self
            .control
            .as_mut()
            .is_some_and(|control| control.certify(pod, (line, plan), &mut self.schedule));
        match line.get(Stage::Configuration).filter(|_| !certified) {
            Some(configuration) => self.stage_at(configuration.begin, pod, incarnation, PodStage::Asking),
            None if certified => {}
            None => self.go_on(life, place, line),
        }
    }

    /// A pod's proxy has a certificate. With the first one it goes on.
    pub(in super::super) fn certified(&mut self, pod: PodIdx) {
        let now = self.schedule.now();
        let (Some((life, place)), Some(lifecycle)) = (self.program.place(pod), &mut self.lifecycle) else {
            return;
        };
        let state = &mut lifecycle.places[life][place as usize];
        if state.phase != Phase::Starting || state.configured.is_some() {
            return;
        }
        let Some(plan) = &mut state.plan else { return };
        if let Some(stage) = Line::new(plan, state.began).get(Stage::Certificate) {
            plan.certificate = now.since(stage.begin);
        }
        self.ask(life, place);
    }

    /// A proxy asks for its first configuration, which takes as long as planned, or longer if the control plane is busy.
    fn ask(&mut self, life: LifeIdx, place: u32) {
        let now = self.schedule.now();
        let pod = self.pod_at(life, place);
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let state = &mut lifecycle.places[life][place as usize];
        let earliest = now + state.plan.map_or(Span::ZERO, |plan| plan.configuration);
        state.configured = Some(earliest);
        let incarnation = state.incarnation;
        let is_told = self.control.as_mut().is_some_and(|control| control.ask(pod, &mut self.schedule));
        if !is_told {
            self.stage_at(earliest, pod, incarnation, PodStage::Configured);
        }
    }

    /// What a proxy has asked for is made.
    pub(in super::super) fn configure(&mut self, pod: PodIdx) {
        let now = self.schedule.now();
        let (Some((life, place)), Some(lifecycle)) = (self.program.place(pod), &mut self.lifecycle) else {
            return;
        };
        let state = &mut lifecycle.places[life][place as usize];
        // The pod may have been deleted meanwhile, and its place waits for this.
        match state.configured.filter(|_| state.phase != Phase::Free) {
            Some(earliest) => {
                let incarnation = state.incarnation;
                self.stage_at(earliest.max(now), pod, incarnation, PodStage::Configured);
            }
            None => self.look_for_places(pod),
        }
    }

    /// What follows in a pod's start is known from here on.
    pub(super) fn go_on(&mut self, life: LifeIdx, place: u32, line: &Line) {
        let pod = self.pod_at(life, place);
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let state = &lifecycle.places[life][place as usize];
        let (incarnation, created) = (state.incarnation, state.created);
        let is_new = state.crashes.restarts() == 0;
        let reachable =
            line.proxy_up().map_or(line.application_up(), |proxy| proxy.max(line.application_up()));
        let record = &mut lifecycle.records[life];
        if is_new && self.program.window.contains(created) {
            record.started += 1;
            record.start_up.record(line.endpoint().since(created).nanos());
            for (stage, interval) in line.iter() {
                record.stages[stage as usize].0 += interval.begin.since(created).nanos();
                record.stages[stage as usize].1 += interval.end.since(created).nanos();
            }
        }
        let now = self.schedule.now();
        for (at, stage) in [
            (reachable, PodStage::Reachable),
            (line.ready(), PodStage::Ready),
            (line.endpoint(), PodStage::EndpointWritten),
        ] {
            self.stage_at(at.max(now), pod, incarnation, stage);
        }
    }

    pub(super) fn stage_at(&mut self, at: SimTime, pod: PodIdx, incarnation: u16, stage: PodStage) {
        self.schedule.at(at, Event::PodStage { pod, incarnation, stage });
    }

    /// A pod is deleted.
    pub(super) fn end_pod(&mut self, life: LifeIdx, place: u32) {
        let now = self.schedule.now();
        let pod = self.pod_at(life, place);
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let state = &mut lifecycle.places[life][place as usize];
        if state.is_lost {
            return self.write_off(life, place);
        }
        if !state.is_reachable {
            // It has not come far enough to take its leave.
            return self.drop_dead(life, place);
        }
        // Its clients go elsewhere as soon as they are asked to.
        let end = End::new(&lifecycle.setup.lives[life].end, now, |drain| drain);
        (state.phase, state.is_available) = (Phase::Ending, false);
        let incarnation = state.incarnation;
        lifecycle.records[life].ended += u64::from(self.program.window.contains(now));
        let drain = end.drain.unwrap_or(end.application.sigterm);
        self.stage_at(end.endpoint, pod, incarnation, PodStage::EndpointRemoved);
        self.stage_at(drain, pod, incarnation, PodStage::Draining);
        self.stage_at(end.accepts, pod, incarnation, PodStage::Closed);
        self.stage_at(end.application.end, pod, incarnation, PodStage::ApplicationGone);
        if let Some(proxy) = end.proxy {
            self.stage_at(proxy.end, pod, incarnation, PodStage::ProxyGone);
        }
        // It is remembered for as long as it is an endpoint.
        self.stage_at(end.end.max(end.endpoint), pod, incarnation, PodStage::Gone);
    }

    /// A pod has come to a stage, unless it is no longer there.
    pub(in super::super) fn pod_stage(&mut self, pod: PodIdx, incarnation: u16, stage: PodStage) {
        let now = self.schedule.now();
        let (Some((life, place)), Some(lifecycle)) = (self.program.place(pod), &mut self.lifecycle) else {
            return;
        };
        let min_ready = lifecycle.setup.lives[life].min_ready;
        let has_proxy = lifecycle.setup.lives[life].end.proxy.is_some();
        let state = &mut lifecycle.places[life][place as usize];
        if state.incarnation != incarnation {
            return;
        }
        let is_active = state.is_active();
        match stage {
            PodStage::Asking => self.ask(life, place),
            PodStage::Configured => {
                let line = state.plan.map(|plan| Line::with_configuration(&plan, state.began, |_| now));
                if let Some(control) = &mut self.control {
                    control.connect(pod, &mut self.schedule);
                }
                if let Some(line) = line {
                    self.go_on(life, place, &line);
                }
            }
            PodStage::Reachable => {
                (state.is_reachable, state.serves, state.accepts) = (true, true, true);
            }
            PodStage::Ready if is_active => {
                (state.phase, state.ready) = (Phase::Ready, Some(now));
                self.stage_at(available_from(now, min_ready), pod, incarnation, PodStage::Available);
            }
            PodStage::Available if is_active => {
                state.is_available = true;
                self.roll(life);
            }
            PodStage::EndpointWritten if is_active => self.write_endpoint(life, place, true),
            PodStage::Ready | PodStage::Available | PodStage::EndpointWritten => {}
            PodStage::EndpointRemoved => self.write_endpoint(life, place, false),
            PodStage::Draining => self.drain(pod),
            PodStage::Closed => state.accepts = false,
            PodStage::ApplicationGone => {
                state.serves = false;
                state.is_reachable &= has_proxy;
                self.break_calls(pod);
            }
            PodStage::ProxyGone => {
                (state.is_reachable, state.accepts) = (false, false);
                self.break_calls(pod);
            }
            PodStage::Gone => self.leave_place(life, place),
            PodStage::Restarted => self.restart_proxy(life, place),
        }
    }

    /// Whether a pod is among the endpoints of its workload changes.
    pub(super) fn write_endpoint(&mut self, life: LifeIdx, place: u32, is_endpoint: bool) {
        let Some(lifecycle) = &mut self.lifecycle else { return };
        let state = &mut lifecycle.places[life][place as usize];
        if state.is_endpoint != is_endpoint {
            state.is_endpoint = is_endpoint;
            let endpoints = lifecycle.endpoints(life);
            self.publish(life, endpoints);
        }
    }

    /// All of a pod is gone: its place is free.
    pub(super) fn leave_place(&mut self, life: LifeIdx, place: u32) {
        let now = self.schedule.now();
        let pod = self.pod_at(life, place);
        self.drain(pod);
        self.break_calls(pod);
        self.abandon_own(pod);
        if let Some(control) = &mut self.control {
            control.disconnect(pod, &mut self.schedule);
            control.forget_certificate(pod);
        }
        let window = self.program.window;
        self.stop_proxy(pod);
        if let Some(lifecycle) = &mut self.lifecycle {
            lifecycle.places[life][place as usize].leave(window, now);
            if let Some(nodes) = &mut lifecycle.nodes {
                nodes.free(self.program.pods[pod].node, lifecycle.setup.lives[life].request);
            }
        }
        // Calls that are still under way there come to nothing, and keep the place from being used.
        self.look_for_places(pod);
    }
}
