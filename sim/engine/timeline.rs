//! Counts towards the time line. One interval is open at a time: only it has histograms; the others are numbers.

use std::ops::Range;

use crate::index::Idx;
use crate::metrics::histogram::{Histograms, LogHistogram};
use crate::metrics::timeline::{EntryInterval, QUANTILES, ServiceInterval, TimelineRecord};
use crate::program::{Program, Serving};
use crate::units::{SimTime, Span};

use super::call::Call;

/// Collects a [`TimelineRecord`].
#[derive(Debug)]
pub(super) struct Timeline {
    /// With a row of intervals more than there are: what happens after the last one counts there. The rows of services
    /// are those of the workloads that serve.
    record: TimelineRecord,
    /// Which interval is open, and when it ends.
    open: usize,
    open_end: SimTime,
    /// Response times in the open interval.
    entry_times: Histograms,
    service_times: Histograms,
    /// Worker time of each workload before the open interval.
    busy_before: Vec<u64>,
    /// Workloads of whose service some have unlimited workers: their CPU counts.
    counts_cpu: Vec<bool>,
    /// The workloads of services with versions, and per interval their 99th percentiles together.
    split: Vec<Range<usize>>,
    split_times: Vec<Vec<u64>>,
}

impl Timeline {
    pub(super) fn new(program: &Program) -> Self {
        let (interval, end) = (program.interval.nanos(), program.window.end().nanos());
        let intervals = end.div_ceil(interval) as usize + 1;
        let (entries, services) = (program.sources.len(), program.serving);
        let record = TimelineRecord {
            interval,
            warm_up: program.window.start().nanos(),
            end,
            entries: vec![vec![EntryInterval::default(); entries]; intervals],
            services: vec![vec![ServiceInterval::default(); services]; intervals],
            versions: Vec::new(),
        };
        let is_unlimited = |workload| program.workloads[workload].serving == Serving::Unlimited;
        let counts_cpu = program.services.iter().flat_map(|service| {
            let any = service.workloads().any(is_unlimited);
            service.workloads().map(move |_| any)
        });
        let split = program.services.iter().filter(|service| program.has_versions(service)).map(|service| {
            let first = service.first_workload.position();
            first..first + service.workloads as usize
        });
        Self {
            record,
            open: 0,
            open_end: SimTime::from_nanos(interval.min(end)),
            entry_times: Histograms::new(entries),
            service_times: Histograms::new(services),
            busy_before: vec![0; services],
            counts_cpu: counts_cpu.collect(),
            split: split.collect(),
            split_times: Vec::new(),
        }
    }

    /// When the open interval ends.
    pub(super) const fn open_end(&self) -> SimTime {
        self.open_end
    }

    /// A source sends a request.
    #[inline]
    pub(super) fn request(&mut self, source: usize) {
        self.record.entries[self.open][source].requests += 1;
    }

    /// A user has the answer, or has given up.
    #[inline]
    pub(super) fn response(&mut self, call: &Call, now: SimTime) {
        let source = call.source.position();
        let row = &mut self.record.entries[self.open][source];
        row.responses += 1;
        row.failures += u64::from(call.failed);
        if call.failed {
            row.causes[call.failure.cause as usize] += 1;
        } else {
            self.entry_times.record(source, now.since(call.started).nanos());
        }
    }

    /// A request reaches an instance of a service.
    #[inline]
    pub(super) fn visit_begins(&mut self, service: usize) {
        self.record.services[self.open][service].requests += 1;
    }

    /// A response leaves an instance of a service.
    #[inline]
    pub(super) fn visit_over(&mut self, service: usize, failed: bool, taken: Span) {
        let row = &mut self.record.services[self.open][service];
        row.responses += 1;
        row.failures += u32::from(failed);
        self.service_times.record(service, taken.nanos());
    }

    /// A service works from now on for `taken`, spending `cpu` nanoseconds evenly on it.
    #[inline]
    pub(super) fn work(&mut self, service: usize, now: SimTime, taken: Span, cpu: f64) {
        if !self.counts_cpu[service] {
            return;
        }
        if now + taken <= self.open_end {
            self.record.services[self.open][service].busy += cpu.round() as u64;
        } else {
            self.work_across(service, now, taken, cpu);
        }
    }

    #[cold]
    fn work_across(&mut self, service: usize, start: SimTime, taken: Span, cpu: f64) {
        let done = (start + taken).nanos();
        let (mut from, mut to) = (start.nanos(), self.open_end.nanos());
        for rows in &mut self.record.services[self.open..] {
            let inside = done.min(to).saturating_sub(from);
            rows[service].busy += (cpu * inside as f64 / taken.nanos() as f64).round() as u64;
            if done <= to {
                break;
            }
            (from, to) = (to, self.record.end.min(to + self.record.interval));
        }
    }

    /// The open interval ends and the next one begins. For each source, how many requests have no answer yet; for each
    /// service with limited workers, how long they have been busy since the start.
    pub(super) fn close(
        &mut self,
        in_flight: impl Iterator<Item = u64>,
        busy: impl Iterator<Item = Option<u64>>,
    ) {
        let times = self.entry_times.all().iter_mut();
        for ((row, times), in_flight) in self.record.entries[self.open].iter_mut().zip(times).zip(in_flight) {
            row.in_flight = in_flight;
            row.response_time = QUANTILES
                .map(|statistic| statistic.quantile().map_or(0, |quantile| times.quantile(quantile)));
            row.response_time_max = times.max();
            times.clear();
        }
        let service_times = self.service_times.all();
        self.split_times
            .push(self.split.iter().map(|split| together(&service_times[split.clone()])).collect());
        let services = self.record.services[self.open].iter_mut().zip(service_times);
        let rows = services.zip(&mut self.busy_before).zip(&self.counts_cpu).zip(busy);
        for ((((row, times), before), counts_cpu), busy) in rows {
            row.response_time = times.quantile(0.99);
            times.clear();
            if let Some(busy) = busy.filter(|_| !counts_cpu) {
                row.busy = busy - *before;
                *before = busy;
            }
        }
        self.open += 1;
        self.open_end =
            SimTime::from_nanos(self.record.end.min(self.open_end.nanos() + self.record.interval));
    }

    pub(super) fn finish(mut self, program: &Program) -> TimelineRecord {
        assert_eq!(self.open + 1, self.record.entries.len(), "every interval of the run was closed");
        self.record.entries.truncate(self.open);
        self.record.services.truncate(self.open);
        self.check_conservation();
        let mut record = self.record;
        for (rows, times) in std::mem::take(&mut record.services).iter().zip(self.split_times) {
            let mut times = times.into_iter();
            let (mut services, versions) = program.by_service(rows, ServiceInterval::together);
            let split = program.services.iter().zip(&mut services);
            for (_, row) in split.filter(|(service, _)| program.has_versions(service)) {
                row.response_time = times.next().unwrap_or(0);
            }
            record.services.push(services);
            if !versions.is_empty() {
                record.versions.push(versions);
            }
        }
        record
    }

    /// What was sent up to the end of an interval is answered or still in flight.
    fn check_conservation(&self) {
        let mut present = vec![0; self.record.entries.first().map_or(0, Vec::len)];
        for rows in &self.record.entries {
            for (row, present) in rows.iter().zip(&mut present) {
                *present = *present + row.requests - row.responses;
                assert_eq!(*present, row.in_flight, "requests are conserved from interval to interval");
            }
        }
    }
}

/// The 99th percentile of several workloads as one.
fn together(times: &[LogHistogram]) -> u64 {
    let mut all = LogHistogram::new();
    for times in times {
        all.merge(times);
    }
    all.quantile(0.99)
}
