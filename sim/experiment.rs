//! Experiments: replications and meshes in parallel, merged in index order, until they are many enough.
//!
//! One run has no threads; parallelism is between runs, and results do not depend on it. [`model`] asks how far results
//! move with the constants of a profile, [`load`] how they change with the traffic, [`vary`] with any one value; [`size`] keeps what nobody
//! chose within what can be simulated in a minute.

pub mod load;
pub mod model;
pub mod size;
pub mod vary;

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::engine;
use crate::index::Idx;
use crate::metrics::{
    ChangeLabel, EdgeLabel, EntryLabel, Labels, PRECISION_LADDER, RunRecord, VersionLabel,
    precision_possible, precision_reached,
};
use crate::program::control::{self, Change, Outage};
use crate::program::disturbance::Disturbance;
use crate::program::happening::Happening;
use crate::program::lifecycle::Incident;
use crate::program::{Edge, Program, WorkloadIdx};
use crate::units::{Ratio, SimTime, Span};
use crate::vocabulary::Arrivals;

/// How many replications to run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plan {
    /// This many.
    Fixed(u32),
    /// As many as it takes until every program's p99 is known to this relative half-width, up to the end of the ladder.
    Precision(Ratio),
}

/// What came of an experiment.
#[derive(Debug)]
pub struct Outcome {
    /// Per program, its replications in order; the same number for each.
    pub records: Vec<Vec<RunRecord>>,
    /// It was stopped before its end; what had been finished is there.
    pub stopped: bool,
    /// The wanted precision was not reached: the ladder ended, or replications are too short for any.
    pub imprecise: bool,
}

/// Runs the programs (one per mesh, on common random numbers) on the current rayon pool.
///
/// `finished` is told after each replication; `stop` ends the experiment early, keeping the replications that all
/// programs have finished.
pub fn run(programs: &[Program], plan: Plan, stop: &AtomicBool, finished: &(dyn Fn() + Sync)) -> Outcome {
    let mut records: Vec<Vec<RunRecord>> = programs.iter().map(|_| Vec::new()).collect();
    let (ladder, target) = match &plan {
        Plan::Fixed(replications) => (std::slice::from_ref(replications), None),
        Plan::Precision(target) => (&PRECISION_LADDER[..], Some(*target)),
    };
    for &replications in ladder {
        extend(programs, &mut records, replications, stop, finished);
        let done = records.iter().map(Vec::len).min().unwrap_or(0);
        if stop.load(Ordering::Relaxed) && done < replications as usize {
            for rows in &mut records {
                rows.truncate(done);
            }
            return Outcome { records, stopped: true, imprecise: false };
        }
        let reached = |target| records.iter().all(|rows| precision_reached(rows, target));
        if target.is_none_or(reached) {
            return Outcome { records, stopped: false, imprecise: false };
        }
        // More replications of the same length would not help.
        if !records.iter().all(|rows| precision_possible(rows)) {
            break;
        }
    }
    Outcome { records, stopped: false, imprecise: target.is_some() }
}

/// Runs what is missing up to `replications` of each program, in parallel; keeps complete prefixes.
fn extend(
    programs: &[Program],
    records: &mut [Vec<RunRecord>],
    replications: u32,
    stop: &AtomicBool,
    finished: &(dyn Fn() + Sync),
) {
    // Replication by replication, so that an early stop leaves every program with about as many.
    let first = records.iter().map(Vec::len).min().unwrap_or(0) as u32;
    let jobs: Vec<(u32, usize)> = (first..replications)
        .flat_map(|replication| (0..programs.len()).map(move |program| (replication, program)))
        .collect();
    // The bridge hands out one job at a time, in order: a stop loses what is under way and no more.
    let mut results: Vec<(usize, Option<RunRecord>)> = jobs
        .iter()
        .enumerate()
        .par_bridge()
        .map(|(job, &(replication, program))| {
            // A short run may end before it looks at `stop` itself.
            let record = if stop.load(Ordering::Relaxed) {
                None
            } else {
                engine::run(&programs[program], replication, stop)
            };
            if record.is_some() {
                finished();
            }
            (job, record)
        })
        .collect();
    results.sort_unstable_by_key(|&(job, _)| job);
    let mut broken = vec![false; programs.len()];
    for (&(_, program), (_, record)) in jobs.iter().zip(results) {
        match record {
            Some(record) if !broken[program] => records[program].push(record),
            _ => broken[program] = true,
        }
    }
}

impl Plan {
    /// Replications that are run in any case.
    pub fn first_replications(&self) -> u32 {
        match self {
            Self::Fixed(replications) => *replications,
            Self::Precision(_) => PRECISION_LADDER[0],
        }
    }
}

/// What is called so in results, and is marked until a time.
fn label(when: &Happening, until: SimTime) -> ChangeLabel {
    let span = (when.first.nanos(), until.nanos());
    ChangeLabel { name: when.name.clone(), is_about_endpoints: false, span }
}

fn change(change: &Change) -> ChangeLabel {
    ChangeLabel { is_about_endpoints: change.endpoints.is_some(), ..label(&change.when, change.when.last()) }
}

/// What happens to pods, then to instances of the control plane, the certificate authority, traffic and network.
fn incidents(program: &Program) -> Vec<ChangeLabel> {
    let end = program.window.end();
    let of_pods = |one: &Incident| label(&one.when, one.when.last());
    let of_plane = |one: &control::Incident| {
        let lasts = match one.kind {
            control::IncidentKind::Kill(_) => Span::ZERO,
            control::IncidentKind::Starve(_, length) => length,
        };
        label(&one.when, (one.when.last() + lasts).min(end))
    };
    let outage = |one: &Outage| label(&one.when, one.end());
    let disturbance = |one: &Disturbance| label(&one.when, one.span(end).1);
    let pods = program.lifecycle.iter().flat_map(|lifecycle| &lifecycle.incidents).map(of_pods);
    let plane = program.control.iter().flat_map(|control| &control.incidents).map(of_plane);
    let outages = program.control.iter().flat_map(|control| &control.outages).map(outage);
    pods.chain(plane).chain(outages).chain(program.disturbances.iter().map(disturbance)).collect()
}

/// The names of a program's rows in its records.
pub fn labels(program: &Program) -> Labels {
    let workload = |index: WorkloadIdx| program.workloads[index].name.clone();
    let callee = |edge: &Edge| {
        let service = &program.services[edge.callee].name;
        edge.subset.as_ref().map_or_else(|| service.clone(), |subset| format!("{service}@{subset}"))
    };
    let lifecycle = program.lifecycle.as_deref();
    Labels {
        scenario: program.scenario.clone(),
        mesh: program.mesh.clone(),
        entries: program
            .sources
            .iter()
            .map(|source| EntryLabel {
                name: source.name.clone(),
                gateway: source.gateway,
                open: !matches!(
                    source.arrivals,
                    Arrivals::Closed { .. } | Arrivals::Paced { catch_up: false, .. }
                ),
            })
            .collect(),
        services: program.services.iter().map(|service| service.name.clone()).collect(),
        versions: program
            .workloads
            .iter()
            .filter_map(|workload| {
                workload.version?;
                Some(VersionLabel { name: workload.name.clone(), service: workload.service?.position() })
            })
            .collect(),
        edges: program
            .edges
            .iter()
            .map(|edge| EdgeLabel {
                caller: workload(edge.caller),
                callee: callee(edge),
                from_service: program.workloads[edge.caller].service.map(Idx::position),
                to_service: edge.callee.position(),
            })
            .collect(),
        routed: !program.routes.is_empty() || program.sites.iter().any(|site| site.retries > 0),
        proxies: program.groups.iter().map(|group| group.name.clone()).collect(),
        nodes: program.machines.nodes.iter().map(|node| node.name.clone()).collect(),
        zones: program.machines.zones.clone(),
        changes: program.control.iter().flat_map(|control| &control.changes).map(change).collect(),
        incidents: incidents(program),
        certificates: program.control.as_ref().is_some_and(|control| control.certificates.is_some()),
        lives: lifecycle.iter().flat_map(|of| &of.lives).map(|life| workload(life.workload)).collect(),
        currency: program.machines.currency,
        notes: program.machines.notes.clone(),
    }
}
