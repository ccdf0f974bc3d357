//! What a reader must know beside the numbers, one sentence each.

use super::labels::{ChangeLabel, Labels};
use super::quantile::requests_needed;
use super::record::{ChangeRecord, RunRecord};
use super::results::Statistic;
use super::section::REPLICATIONS_NEEDED;
use super::stationary::{self, Saturated};

/// A node busier than this delays its containers noticeably.
const CROWDED: f64 = 0.8;

/// All notes on the records of one mesh: what spoils everything first.
pub(super) fn all(
    labels: &Labels,
    records: &[RunRecord],
    pooled: &RunRecord,
    saturated: &[Saturated],
) -> Vec<String> {
    if records.is_empty() {
        return vec!["nothing was run".to_owned()];
    }
    let mut notes: Vec<String> = saturated.iter().map(saturation).collect();
    if records.len() < REPLICATIONS_NEEDED {
        notes.push(format!(
            "no confidence intervals: they take {REPLICATIONS_NEEDED} replications, this run has {}",
            records.len()
        ));
    }
    for (index, entry) in labels.entries.iter().enumerate() {
        notes.extend(unfinished(&entry.name, pooled, index));
        notes.extend(drift(&entry.name, records, index));
        if saturated.is_empty() && records.len() >= REPLICATIONS_NEEDED {
            notes.extend(too_few_requests(&entry.name, records, index));
        }
    }
    notes.extend(labels.notes.iter().cloned());
    notes.extend(crowded_nodes(labels, pooled));
    notes.extend(above_memory_limit(labels, pooled));
    notes.extend(changes_of_nobody(pooled));
    notes.extend(busy_control_plane(pooled));
    notes.extend(unseen_changes(labels, pooled));
    notes.extend(late_changes(labels, pooled));
    notes
}

/// Nodes whose containers would be in each other's way, had they to share its cores.
fn crowded_nodes(labels: &Labels, pooled: &RunRecord) -> Option<String> {
    let machines = &pooled.machines;
    if machines.shared {
        return None;
    }
    let capacity = machines.cores * pooled.window as f64;
    let busy = pooled.nodes.iter().zip(&labels.nodes).map(|(node, name)| (node.cpu as f64 / capacity, name));
    let crowded: Vec<(f64, &String)> = busy.filter(|(utilization, _)| *utilization > CROWDED).collect();
    let (utilization, name) = crowded.iter().copied().max_by(|left, right| left.0.total_cmp(&right.0))?;
    let nodes =
        if crowded.len() == 1 { "1 node wants".to_owned() } else { format!("{} nodes want", crowded.len()) };
    Some(format!(
        "{nodes} more than {:.0} % of its cores, most of all `{name}` with {:.0} %; this run lets it have them: see \
         `cluster.cores`",
        100.0 * CROWDED,
        100.0 * utilization
    ))
}

/// Proxies that would be killed: nothing here kills them.
fn above_memory_limit(labels: &Labels, pooled: &RunRecord) -> Option<String> {
    const MIB: f64 = (1 << 20) as f64;
    let groups = pooled.proxies.iter().zip(&labels.proxies);
    let above: Vec<(f64, f64, &String)> = groups
        .filter_map(|(group, name)| Some((group.memory_max, group.memory_limit? as f64, name)))
        .filter(|(reached, limit, name)| reached > limit && !are_killed(labels, pooled, name))
        .collect();
    let worst = |left: &&(f64, f64, &String), right: &&(f64, f64, &String)| left.0.total_cmp(&right.0);
    let (reached, limit, name) = above.iter().max_by(worst)?;
    let proxies = if above.len() == 1 {
        "the proxies of 1 workload reach".to_owned()
    } else {
        format!("the proxies of {} workloads reach", above.len())
    };
    Some(format!(
        "{proxies} more memory than their limit and would be killed: `{name}` {:.0} of {:.0} MiB",
        reached / MIB,
        limit / MIB
    ))
}

/// Whether the proxies beside a workload are killed where they pass their limit.
fn are_killed(labels: &Labels, pooled: &RunRecord, name: &str) -> bool {
    let lives = labels.lives.iter().zip(pooled.lives.iter().flatten());
    lives.filter(|(life, _)| *life == name).any(|(_, life)| life.oom_kills > 0)
}

/// Changes that no proxy is told of.
fn changes_of_nobody(pooled: &RunRecord) -> Option<String> {
    let all = pooled.control.as_ref()?.together();
    (all.times > 0 && all.concerned == 0).then(|| {
        "changes of routes concern nobody: no proxy looks at the routes of the services that change"
            .to_owned()
    })
}

/// A control plane that changes wait for.
fn busy_control_plane(pooled: &RunRecord) -> Option<String> {
    let control = pooled.control.as_ref().filter(|control| control.instances > 0)?;
    let utilization = control.cpu as f64 / (control.cores * pooled.window as f64);
    (utilization > CROWDED).then(|| {
        format!(
            "the control plane uses {:.0} % of its {} cores to push changes, so they wait for each other: give it more \
             CPU or instances, or tell proxies of fewer services",
            100.0 * utilization,
            control.cores
        )
    })
}

/// Events that the window does not hold.
fn unseen_changes(labels: &Labels, pooled: &RunRecord) -> Vec<String> {
    let changes = pooled.control.iter().flat_map(|control| &control.changes);
    let unseen = labels
        .changes
        .iter()
        .zip(changes)
        .filter(|(label, change)| change.times == 0 && !label.is_about_endpoints);
    unseen
        .map(|(ChangeLabel { name, .. }, _)| {
            format!("event `{name}` does not happen in the measuring window: nothing is said of it")
        })
        .collect()
}

/// Changes that some proxies did not get in time.
fn late_changes(labels: &Labels, pooled: &RunRecord) -> Vec<String> {
    let changes = pooled.control.iter().flat_map(|control| &control.changes);
    let late = labels.changes.iter().zip(changes).filter(|(_, change)| change.unreached > 0);
    let note = |(ChangeLabel { name, .. }, change): (&ChangeLabel, &ChangeRecord)| {
        format!(
            "`{name}`: {} of {} updates of proxies were still under way when the run ended; they count as later \
             than all others",
            change.unreached, change.concerned
        )
    };
    late.map(note).collect()
}

fn saturation(Saturated { name, utilization }: &Saturated) -> String {
    format!(
        "not stationary: {name} had no idle time (utilization {:.1} %), so response times grow with the length of the \
         run and have no confidence intervals",
        100.0 * utilization
    )
}

fn unfinished(name: &str, pooled: &RunRecord, index: usize) -> Option<String> {
    let entry = &pooled.entries[index];
    (entry.unfinished > 0).then(|| {
        format!(
            "entry `{name}`: {} of {} requests had no answer when the drain limit passed; they count as slower than \
             every answered one",
            entry.unfinished, entry.arrived
        )
    })
}

fn drift(name: &str, records: &[RunRecord], index: usize) -> Option<String> {
    let drift = stationary::drift(records, index)?;
    let direction = if drift > 0.0 { "longer" } else { "shorter" };
    Some(format!(
        "entry `{name}`: the mean response time is {:.0} % {direction} in the second half of the window than in the \
         first: the load changes, or the warm-up is too short",
        100.0 * drift.abs()
    ))
}

/// Names the quantiles that some replication holds too few requests for.
fn too_few_requests(name: &str, records: &[RunRecord], index: usize) -> Option<String> {
    let requests =
        |record: &RunRecord| record.entries[index].succeeded.len() + record.entries[index].unfinished;
    let fewest = records.iter().map(requests).min()?;
    let lacking: Vec<(Statistic, f64)> = Statistic::ALL
        .iter()
        .filter_map(|&statistic| Some((statistic, requests_needed(statistic.quantile()?))))
        .filter(|&(_, needed)| (fewest as f64) < needed)
        .collect();
    let &(first, needed) = lacking.first()?;
    let first = first.to_string().replace("p999", "p99.9");
    let others = if lacking.len() > 1 { " and above" } else { "" };
    Some(format!(
        "entry `{name}`: {first}{others} without interval, since that takes {needed:.0} measured requests per \
         replication: lengthen the run"
    ))
}
