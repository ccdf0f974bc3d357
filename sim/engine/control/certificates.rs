//! Certificates: who asks for one and when, how long that takes the authority, and who has none that holds.
//!
//! A proxy makes a key, which is CPU of its own and delays none of its requests, and asks. The authority shares its
//! cores evenly among all that it signs: those of the control plane's instances, beside pushes, or of its own. Nothing
//! happens when a certificate expires: whoever opens a connection looks whether both ends have one that holds.

use crate::index::{Idx, IndexVec};
use crate::kernel::Schedule;
use crate::kernel::rng::{Draws, Key, Uniform as _};
use crate::kernel::station::Sharing;
use crate::metrics::record::{CertificateRecord, ProxyRecord};
use crate::policy::certificate::Certificate;
use crate::policy::pod_start::{Line, Plan, Stage};
use crate::program::control::{Certificates as Setup, Control as ControlSetup, HolderIdx};
use crate::program::{GroupIdx, PodIdx, Program};
use crate::units::{Cores, SimTime, Span};
use crate::vocabulary::Issued;

use super::super::{Engine, Event, draw};
use super::instances::State;
use super::{Control, Plane};

/// Renewals before the run that are thought through.
const MOST_RENEWALS: u32 = 1000;

/// What happens to a certificate at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStep {
    /// Its holder asks for it, or for the next one.
    Due,
    /// The request reaches the authority.
    AtAuthority,
    /// Its holder has it.
    Issued,
    /// Its holder learns that it gets none.
    Refused,
}

/// What the authority works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    holder: HolderIdx,
    /// Of the pods for which it was made.
    incarnation: u16,
    reached: SimTime,
}

/// The certificates of all proxies.
#[derive(Debug)]
pub(in crate::engine) struct Certificates<'p> {
    program: &'p Program,
    setup: &'p Setup,
    control: &'p ControlSetup,
    replication: u32,
    holders: IndexVec<HolderIdx, Holder>,
    /// Instances of an authority that is not the control plane.
    own: Vec<Sharing<Request>>,
    done: Vec<Request>,
    record: CertificateRecord,
    /// Of keys, in nanoseconds.
    request_cpu: IndexVec<GroupIdx, u64>,
    /// Requests that have been made, and what became of them; those whose holder went meanwhile apart.
    asked: u64,
    answered: u64,
    lost: u64,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    certificate: Certificate,
    /// Pods that it speaks for.
    pods: u32,
    /// Counts how often it began to hold any.
    incarnation: u16,
    /// Random numbers so far, by occasion.
    draws: u32,
    phase: Phase,
    /// It has asked for its first, and has no answer: connections are held meanwhile, which is short.
    is_first: bool,
}

/// What a holder waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is no pod to speak for.
    Idle,
    /// To ask.
    Until(SimTime),
    /// For an answer.
    Answer,
}

impl<'p> Certificates<'p> {
    pub(super) fn new(program: &'p Program, control: &'p ControlSetup, replication: u32) -> Option<Self> {
        let setup = control.certificates.as_ref()?;
        let holder = |holder: &crate::program::control::Holder| Holder {
            certificate: Certificate::new(setup.kinds[holder.kind()].policy),
            pods: holder.pods,
            incarnation: 0,
            draws: 0,
            phase: Phase::Idle,
            is_first: false,
        };
        let cores = Cores::new(control.cores).expect("a number of cores");
        let instances = if setup.is_control_plane { 0 } else { control.replicas };
        let intervals = program.window.end().nanos().div_ceil(program.interval.nanos());
        Some(Self {
            program,
            setup,
            control,
            replication,
            holders: setup.holders.iter().map(holder).collect(),
            own: (0..instances).map(|_| Sharing::new(cores, program.window)).collect(),
            done: Vec::new(),
            record: CertificateRecord {
                holders: setup.holders.iter().filter(|holder| holder.pods > 0).count() as u64,
                issued_over_time: vec![0; intervals as usize],
                ..CertificateRecord::default()
            },
            request_cpu: IndexVec::filled(0, program.groups.len()),
            asked: 0,
            answered: 0,
            lost: 0,
        })
    }

    /// Those that are there from the start on have one already.
    fn start(&mut self, schedule: &mut Schedule<Event>) {
        for index in self.setup.holders.indexes().filter(|&index| self.setup.holders[index].pods > 0) {
            let mut draws = self.draws(index);
            let certificate = &mut self.holders[index].certificate;
            let mut issue = || certificate.issued(SimTime::ZERO, &mut draws).since(SimTime::ZERO);
            let mut lasts = issue();
            let age = match self.setup.issued {
                Issued::Together(mut age) => {
                    // It has been renewed since, as often as it was time to.
                    for _ in 0..MOST_RENEWALS {
                        if age < lasts {
                            break;
                        }
                        age = age.saturating_sub(lasts);
                        lasts = issue();
                    }
                    age
                }
                Issued::Spread => lasts.scale(draws.unit()),
            };
            self.holders[index].certificate.age(age);
            self.ask_at(index, SimTime::ZERO + lasts.saturating_sub(age), schedule);
        }
    }

    /// Random numbers of a holder's next occasion.
    fn draws(&mut self, index: HolderIdx) -> Draws {
        let identity = self.setup.holders[index].identity;
        let key = Key::new(&[self.program.seed, u64::from(self.replication), identity]);
        let holder = &mut self.holders[index];
        holder.draws += 1;
        key.draws(draw::CERTIFICATE, 0, holder.draws, 0)
    }

    /// It asks then; what lies behind the end of the run never happens.
    fn ask_at(&mut self, index: HolderIdx, at: SimTime, schedule: &mut Schedule<Event>) {
        self.holders[index].phase = Phase::Until(at);
        if at <= self.program.drain_limit {
            let incarnation = self.holders[index].incarnation;
            let step = CertificateStep::Due;
            schedule.at(at, Event::Certificate { holder: index, incarnation, step });
        }
    }

    /// A message between a holder and the authority is sent: it takes its time.
    fn send(
        &mut self,
        (index, incarnation): (HolderIdx, u16),
        step: CertificateStep,
        sent: SimTime,
        schedule: &mut Schedule<Event>,
    ) {
        let mut draws = self.draws(index);
        let delay = Span::from_nanos_f64(self.program.network_delay.sample(&mut draws));
        schedule.at(sent + delay, Event::Certificate { holder: index, incarnation, step });
    }

    /// It makes a key, and asks. Returns for how long its CPU works.
    fn ask(&mut self, index: HolderIdx, schedule: &mut Schedule<Event>) -> Span {
        let now = schedule.now();
        let work = self.setup.kinds[self.setup.holders[index].kind()].request;
        let holder = &mut self.holders[index];
        holder.phase = Phase::Answer;
        let incarnation = holder.incarnation;
        self.asked += 1;
        let cpu = self.program.window.overlap(now, now + work);
        self.request_cpu[self.setup.group(self.program, index)] += cpu.nanos();
        self.send((index, incarnation), CertificateStep::AtAuthority, now + work, schedule);
        cpu
    }

    fn is_down(&self, now: SimTime) -> bool {
        self.control.outages.iter().any(|outage| outage.is_on(now))
    }

    /// A request has reached the authority: what it has to do about it, if it does anything.
    fn reach(
        &mut self,
        index: HolderIdx,
        incarnation: u16,
        schedule: &mut Schedule<Event>,
    ) -> Option<Request> {
        let now = schedule.now();
        if self.is_down(now) {
            self.refuse(Request { holder: index, incarnation, reached: now }, schedule);
            return None;
        }
        Some(Request { holder: index, incarnation, reached: now })
    }

    /// The authority does not do what it was asked for.
    pub(super) fn refuse(&mut self, request: Request, schedule: &mut Schedule<Event>) {
        let now = schedule.now();
        self.record.refused += u64::from(self.program.window.contains(now));
        self.send((request.holder, request.incarnation), CertificateStep::Refused, now, schedule);
    }

    /// The instance that a holder asks.
    fn instance(&self, request: Request, instances: usize) -> usize {
        (self.setup.holders[request.holder].identity % instances as u64) as usize
    }

    fn offer(&mut self, request: Request, schedule: &mut Schedule<Event>) {
        let instance = self.instance(request, self.own.len());
        self.own[instance].offer(schedule.now(), self.setup.issue, request);
        self.arm(instance, schedule);
    }

    fn arm(&mut self, instance: usize, schedule: &mut Schedule<Event>) {
        if let Some(alarm) = self.own[instance].next_alarm() {
            let generation = alarm.generation;
            schedule.at(alarm.at, Event::AuthorityDone { instance: instance as u32, generation });
        }
    }

    /// An instance of its own may have signed something.
    fn on_cpu(&mut self, instance: usize, generation: u32, schedule: &mut Schedule<Event>) {
        let mut done = std::mem::take(&mut self.done);
        self.own[instance].ring(schedule.now(), generation, &mut done);
        for request in done.drain(..) {
            self.signed(request, schedule);
        }
        self.done = done;
        self.arm(instance, schedule);
    }

    /// The authority has signed what it was asked for.
    pub(super) fn signed(&mut self, request: Request, schedule: &mut Schedule<Event>) {
        let now = schedule.now();
        let Request { holder, incarnation, reached } = request;
        if self.is_down(now) {
            return self.refuse(request, schedule);
        }
        if self.program.window.contains(now) {
            self.record.issued += 1;
            self.record.authority_time.record(now.since(reached).nanos());
            self.record.issue_cpu += self.setup.issue.nanos();
        }
        let interval = (now.nanos() / self.program.interval.nanos()) as usize;
        if let Some(issued) = self.record.issued_over_time.get_mut(interval) {
            *issued += 1;
        }
        self.send((holder, incarnation), CertificateStep::Issued, now, schedule);
    }

    /// An answer is there.
    fn answer(&mut self, index: HolderIdx, is_issued: bool, schedule: &mut Schedule<Event>) {
        let now = schedule.now();
        let mut draws = self.draws(index);
        self.answered += 1;
        let holder = &mut self.holders[index];
        holder.is_first = false;
        let next = if is_issued {
            holder.certificate.issued(now, &mut draws)
        } else {
            holder.certificate.failed(now, &mut draws)
        };
        self.ask_at(index, next, schedule);
    }

    /// A pod comes, for which its holder speaks; with the first one it asks at a time.
    fn come(&mut self, index: HolderIdx, at: SimTime, schedule: &mut Schedule<Event>) {
        let kind = self.setup.holders[index].kind();
        let holder = &mut self.holders[index];
        holder.pods += 1;
        if holder.pods == 1 {
            holder.certificate = Certificate::new(self.setup.kinds[kind].policy);
            holder.is_first = true;
            self.ask_at(index, at, schedule);
        }
    }

    /// A pod goes; with the last one the certificate is forgotten.
    fn go(&mut self, pod: PodIdx) {
        let Some(index) = self.setup.of_pods[pod] else { return };
        let holder = &mut self.holders[index];
        holder.pods -= 1;
        if holder.pods == 0 {
            self.lost += u64::from(holder.phase == Phase::Answer);
            holder.phase = Phase::Idle;
            holder.incarnation = holder.incarnation.wrapping_add(1);
        }
    }

    /// Whether a pod's proxy has no certificate that holds, and needs one.
    fn lacks(&self, pod: PodIdx, now: SimTime) -> bool {
        let Some(index) = self.setup.of_pods[pod] else { return false };
        let holder = &self.holders[index];
        !holder.is_first && !holder.certificate.is_valid(now)
    }

    /// Whoever speaks for a pod waits for an answer or will ask, and every request has had at most one answer.
    pub(super) fn check(&self, now: SimTime) {
        let mut waiting = 0;
        for holder in &self.holders {
            assert_eq!(
                holder.pods == 0,
                holder.phase == Phase::Idle,
                "who speaks for a pod keeps a certificate"
            );
            if let Phase::Until(at) = holder.phase {
                assert!(at >= now, "whoever has to ask has asked");
            }
            waiting += u64::from(holder.phase == Phase::Answer);
        }
        assert_eq!(
            self.asked,
            self.answered + self.lost + waiting,
            "requests for certificates are conserved"
        );
    }

    /// The record; keys' CPU is added to that of their proxies.
    pub(super) fn finish(self, proxies: &mut [ProxyRecord]) -> CertificateRecord {
        for (group, cpu) in self.request_cpu.iter_enumerated() {
            proxies[group.position()].cpu += cpu;
        }
        CertificateRecord { request_cpu: self.request_cpu.iter().sum(), ..self.record }
    }
}

impl Control<'_> {
    /// The authority works on a request.
    fn sign(&mut self, request: Request, schedule: &mut Schedule<Event>) {
        let Some(certificates) = &mut self.certificates else { return };
        if !(certificates.setup.is_control_plane && matches!(self.plane, Plane::Push(_))) {
            return certificates.offer(request, schedule);
        }
        let running: Vec<u32> = self.instances.of(State::Running).collect();
        let chosen = (!running.is_empty()).then(|| running[certificates.instance(request, running.len())]);
        match chosen.and_then(|instance| self.plane.replica(instance)) {
            Some(replica) => replica.sign(request, certificates.setup.issue, schedule),
            None => certificates.refuse(request, schedule),
        }
    }

    /// A new pod needs a certificate. Returns whether its start waits until it has one of its own.
    pub(in crate::engine) fn certify(
        &mut self,
        pod: PodIdx,
        (line, plan): (&Line, &Plan),
        schedule: &mut Schedule<Event>,
    ) -> bool {
        let Some(certificates) = &mut self.certificates else { return false };
        let Some(holder) = certificates.setup.of_pods[pod] else { return false };
        let own = certificates.setup.holders[holder].pod.is_some();
        let at = match (line.get(Stage::Certificate), line.get(Stage::Sandbox)) {
            (Some(stage), _) if own => stage.begin + plan.certificate,
            (_, Some(sandbox)) => sandbox.end,
            _ => schedule.now(),
        };
        certificates.come(holder, at, schedule);
        own
    }

    /// A pod is gone.
    pub(in crate::engine) fn forget_certificate(&mut self, pod: PodIdx) {
        if let Some(certificates) = &mut self.certificates {
            certificates.go(pod);
        }
    }
}

impl Engine<'_> {
    pub(in crate::engine) fn start_certificates(&mut self) {
        let certificates = self.control.as_mut().and_then(|control| control.certificates.as_mut());
        if let Some(certificates) = certificates {
            certificates.start(&mut self.schedule);
        }
    }

    /// Something happens to a certificate, unless its holder has gone meanwhile.
    pub(in crate::engine) fn certificate(
        &mut self,
        index: HolderIdx,
        incarnation: u16,
        step: CertificateStep,
    ) {
        let Some(control) = &mut self.control else { return };
        let Some(certificates) = &mut control.certificates else { return };
        let is_there = certificates.holders[index].incarnation == incarnation;
        match step {
            CertificateStep::Due if is_there => {
                let cpu = certificates.ask(index, &mut self.schedule);
                let proxy = certificates.setup.holders[index].proxy;
                control.shared.applied_by[proxy] += cpu.nanos();
            }
            CertificateStep::AtAuthority => {
                if let Some(request) = certificates.reach(index, incarnation, &mut self.schedule) {
                    control.sign(request, &mut self.schedule);
                }
            }
            CertificateStep::Issued if is_there => {
                certificates.answer(index, true, &mut self.schedule);
                if let Some(pod) = certificates.setup.holders[index].pod {
                    self.certified(pod);
                }
            }
            CertificateStep::Refused if is_there => certificates.answer(index, false, &mut self.schedule),
            CertificateStep::Due | CertificateStep::Issued | CertificateStep::Refused => {}
        }
    }

    /// An instance of an authority of its own may have signed something.
    pub(in crate::engine) fn authority_done(&mut self, instance: u32, generation: u32) {
        let certificates = self.control.as_mut().and_then(|control| control.certificates.as_mut());
        if let Some(certificates) = certificates {
            certificates.on_cpu(instance as usize, generation, &mut self.schedule);
        }
    }

    /// Whether a proxy at an end of a connection that is encrypted has no certificate that holds.
    #[inline]
    pub(in crate::engine) fn lack_certificates(&self, ends: [PodIdx; 2]) -> bool {
        let certificates = self.control.as_ref().and_then(|control| control.certificates.as_ref());
        let Some(certificates) = certificates else { return false };
        let now = self.schedule.now();
        // Where one end has none at all, nothing is encrypted.
        let all = ends.iter().all(|&pod| certificates.setup.of_pods[pod].is_some());
        all && ends.iter().any(|&pod| certificates.lacks(pod, now))
    }
}
