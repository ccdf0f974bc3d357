//! What it takes to watch each mesh.

use std::fmt::Write as _;

use crate::experiment::model::merged;
use crate::mesh::Profile;
use crate::mesh::profile::Assumption;

use super::super::comparison::{Comparison, telemetry};
use super::{assumptions, escape, is_of_telemetry, shown};

pub(super) fn section(comparison: &Comparison<'_>) -> String {
    let Some(grid) = telemetry(comparison) else { return String::new() };
    let mut text = "Every proxy has a time series for each combination of labels that this traffic has produced: the \
                    workload or the pod at the other end, the called service, and what became of the request, times \
                    metrics and buckets of histograms. What the applications and the control plane tell is not in it, nor \
                    the memory in proxies on top of what they take above. Pods that are replaced \
                    (`telemetry.pods_replaced_per_hour`) leave series behind until Prometheus cuts its head. Access logs \
                    and spans are those that the mesh writes as it is installed; metrics, logs and spans can be switched \
                    by `mesh.overrides` or Istio's `Telemetry`.\n"
        .to_owned();
    let _ = write!(text, "\n**{}**\n\n{}\n", escape(&grid.title), grid.markdown());
    text += &shown(&comparison.pictures(), is_of_telemetry);
    let of_meshes = comparison.profiles.iter().map(Profile::assumptions);
    let of_telemetry: Vec<Vec<Assumption>> =
        of_meshes.map(|all| all.into_iter().filter(Assumption::is_of_telemetry).collect()).collect();
    let all = merged(&of_telemetry);
    let _ = write!(
        text,
        "\nWhat is not exactly known of it:\n\n{}",
        assumptions::listed(comparison, &all.iter().collect::<Vec<_>>())
    );
    text
}
