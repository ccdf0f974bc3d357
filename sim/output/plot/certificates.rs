//! `certificates`: how many the authority signs over time, a line for each mesh.

use crate::metrics::pool::pool;
use crate::output::Run;

use super::over_time::{self, Curve, NANOS_PER_SECOND};
use super::sheet::{Heading, subtitle};
use super::timeline::MARKS;
use super::{Picture, number};

/// `None` where none are signed, or there are not two intervals.
pub(super) fn picture(runs: &[Run<'_>]) -> Option<Picture> {
    let heading = Heading {
        name: "certificates".to_owned(),
        title: "Certificates signed over time".to_owned(),
        subtitle: subtitle(runs.first()?, "certificates of proxies"),
        caption: format!(
            "Certificates that the authority signs a second, in each interval, mean over the replications: those of new \
             pods and those that are renewed. On grey: the warm-up. {MARKS}"
        ),
    };
    over_time::picture(runs, heading, "certificates per second", |run| {
        let (points, total) = rates(run);
        let most = number::round((10.0 * Curve::most(&points)).round() / 10.0);
        let detail = format!("{} in all, {most}/s at most", number::round(total.round()));
        Curve { points, detail }
    })
}

/// Certificates a second, at the middle of each interval, and how many there are in all.
fn rates(run: &Run<'_>) -> (Vec<(f64, f64)>, f64) {
    let replications = run.records.len() as f64;
    let pooled = pool(run.records).certificates;
    let issued = pooled.as_deref().map(|certificates| certificates.issued_over_time.as_slice());
    let issued: Vec<f64> =
        issued.unwrap_or_default().iter().map(|&issued| issued as f64 / replications).collect();
    let bounds = run.records.first().into_iter().flat_map(|record| record.timeline.bounds());
    let seconds = |nanos: u64| nanos as f64 / NANOS_PER_SECOND;
    let at = |((from, to), issued): ((u64, u64), &f64)| {
        (f64::midpoint(seconds(from), seconds(to)), issued / (seconds(to) - seconds(from)))
    };
    (bounds.zip(&issued).map(at).collect(), issued.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::record::CertificateRecord;
    use crate::metrics::synthetic::{full_labels, full_record};
    use crate::output::plot::tests::Made;

    #[test]
    fn a_rate_is_that_of_its_interval_and_a_mean_over_replications() {
        let record = |issued: &[u64]| {
            let mut record = full_record(0, 100, false);
            let issued_over_time = issued.to_vec();
            record.certificates =
                Some(Box::new(CertificateRecord { issued_over_time, ..CertificateRecord::default() }));
            record
        };
        let labels = full_labels("none", false);
        let made = Made::new(labels.clone(), vec![record(&[2, 3]), record(&[4, 0])]);
        // Two intervals of half a second.
        assert_eq!(rates(&made.run()), (vec![(0.25, 6.0), (0.75, 3.0)], 4.5));
        assert!(picture(&[made.run()]).is_some());
        let none = Made::new(labels, vec![record(&[0, 0])]);
        assert!(picture(&[none.run()]).is_none(), "nothing is signed");
    }
}
