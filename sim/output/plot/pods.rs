//! `pods-<workload>`: how many pods are ready over time, a line for each mesh.

use crate::metrics::pool::pool;
use crate::output::Run;

use super::over_time::{self, Curve, NANOS_PER_SECOND};
use super::sheet::{Heading, subtitle};
use super::timeline::MARKS;
use super::{Picture, common_namespace, number};

/// The picture of a workload; `None` where it is not known in at least two intervals how many there are.
pub(super) fn picture(runs: &[Run<'_>], life: usize) -> Option<Picture> {
    let labels = runs.first()?.labels;
    let name = labels.lives.get(life)?;
    let short = name.strip_prefix(&common_namespace(&labels.services)).unwrap_or(name);
    let heading = Heading {
        name: format!("pods-{short}"),
        title: format!("Pods of {short} over time"),
        subtitle: subtitle(runs.first()?, "pods that are ready"),
        caption: format!(
            "Pods that are ready at the end of each interval, mean over the replications: those that start or end are not \
             among them. On grey: the warm-up. {MARKS}"
        ),
    };
    over_time::picture(runs, heading, "pods that are ready", |run| {
        let points = points(run, life);
        let last = points.last().map_or(0.0, |point| point.1);
        let [most, last] =
            [Curve::most(&points), last].map(|pods| number::round((10.0 * pods).round() / 10.0));
        Curve { points, detail: format!("{last} at the end, {most} at most") }
    })
}

/// At the end of each interval.
fn points(run: &Run<'_>, life: usize) -> Vec<(f64, f64)> {
    let Some(timeline) = run.records.first().map(|record| &record.timeline) else { return Vec::new() };
    let pooled = pool(run.records).lives;
    let ready = pooled.iter().filter_map(|lives| lives.get(life)).flat_map(|life| &life.ready);
    let replications = run.records.len() as f64;
    let at = |(number, &pods): (u64, &u64)| {
        let end = (number * timeline.interval).min(timeline.end);
        (end as f64 / NANOS_PER_SECOND, pods as f64 / replications)
    };
    (1..).zip(ready).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::record::LifeRecord;
    use crate::metrics::synthetic::{full_labels, full_record};
    use crate::output::plot::tests::Made;

    #[test]
    fn replications_count_alike_and_intervals_end_where_the_run_does() {
        let record = |ready: &[u64]| {
            let mut record = full_record(0, 100, false);
            record.lives = Some(vec![LifeRecord { ready: ready.to_vec(), ..LifeRecord::default() }]);
            record
        };
        let mut labels = full_labels("none", false);
        labels.lives = vec!["default/front".to_owned()];
        let made = Made::new(labels.clone(), vec![record(&[2, 3]), record(&[2, 6])]);
        assert_eq!(points(&made.run(), 0), [(0.5, 2.0), (1.0, 4.5)]);
        let picture = picture(&[made.run()], 0).expect("two intervals");
        assert_eq!(
            (picture.name.as_str(), picture.title.as_str()),
            ("pods-front", "Pods of front over time")
        );
        let single = Made::new(labels, vec![record(&[2])]);
        assert!(super::picture(&[single.run()], 0).is_none());
        assert!(super::picture(&[single.run()], 1).is_none());
    }
}
