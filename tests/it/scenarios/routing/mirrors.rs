//! Copies of requests.

use super::super::{MILLISECOND, total};
use super::{from_clients, routed, sum, visits};

fn mirrored(mirror: &str) -> String {
    format!(
        "services:
  - {{name: web, service_time: 2ms}}
  - {{name: shadow, service_time: 50ms, error_ratio: 100%, script: []}}
routes: [{{host: web, mirror: {mirror}}}]
"
    )
}

#[test]
fn nobody_waits_for_a_copy_nor_hears_of_its_failure() {
    let record = routed("web", &mirrored("shadow"));
    assert_eq!((record.entries[0].succeeded.len(), record.entries[0].failed.len()), (10, 0));
    assert_eq!(total(&record), 10 * 2 * MILLISECOND);
    // The run ends with the last answer; the last copy may still be under way.
    assert!(visits(&record)[0] == 10 && visits(&record)[1] >= 9);
    assert_eq!((sum(&record, |edge| edge.calls), sum(&record, |edge| edge.copies)), (10, 10));
    assert_eq!(sum(&record, |edge| edge.attempts), 10);
    assert!(record.services[1].cpu >= 9 * 50 * MILLISECOND, "it worked all the same");
}

#[test]
fn a_share_of_the_requests_is_copied() {
    let record = from_clients("web", "{constant: 1000/s}", &mirrored("{service: shadow, share: 25%}"));
    let copies = sum(&record, |edge| edge.copies);
    // Four standard deviations of a binomial of 1000 and 0.25.
    assert!(copies.abs_diff(250) < 55, "{copies}");
}

#[test]
fn copies_load_both_proxies() {
    let jobs = |text: &str| {
        let mesh = crate::common::mesh("istio-sidecar");
        let text = super::with_clients("web", "{constant: 10/s}", text);
        let record = super::super::run(&mesh, 1_000, 1_000, &text);
        record.proxies.iter().map(|proxy| proxy.jobs).sum::<u64>()
    };
    let copied = mirrored("shadow");
    let plain = copied.replace(", mirror: shadow", ", to: web");
    assert_eq!(jobs(&copied), jobs(&plain) + 10 * 4);
}

#[test]
fn requests_that_fail_on_purpose_are_not_copied() {
    let record = routed("web", &mirrored("shadow, abort: 500"));
    assert_eq!((visits(&record), sum(&record, |edge| edge.copies)), (vec![0, 0], 0));
}
