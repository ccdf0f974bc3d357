//! Calls that an application makes again, beside its proxy.

use sim::mesh::MeshModel;
use sim::metrics::RunRecord;
use sim::program::compile;
use sim::units::Span;

use super::super::MILLISECOND;
use super::{sum, visits, with_clients};
use crate::common::{free_proxies, mesh, scenario};

fn repeated(mesh: &MeshModel, retries: u32, text: &str) -> RunRecord {
    let text = with_clients("front", "{constant: 10/s}", text);
    let mut scenario = scenario(&format!("version: 1\nname: behaviour\n{text}"));
    scenario.run.warm_up = Span::from_millis(1_000);
    scenario.run.duration = Span::from_millis(1_000);
    for service in &mut scenario.services {
        service.application.client.retries = retries;
    }
    sim::engine::run(&compile(&scenario, mesh), 0, &false.into()).expect("nothing stops it")
}

const FAILING: &str = "services:
  - {name: front, service_time: 0s, script: [{call: {service: web, optional: true}}]}
  - {name: web, service_time: 2ms, error_ratio: 100%}
";

#[test]
fn a_failed_call_is_made_again_at_once() {
    let record = repeated(&mesh("none"), 2, FAILING);
    assert_eq!(visits(&record), [10, 30]);
    assert_eq!(super::super::total(&record), 10 * 6 * MILLISECOND);
    let of_web = &record.edges[0];
    assert_eq!((of_web.calls, of_web.repeats, of_web.attempts), (30, 20, 30));
}

#[test]
fn repeats_and_retries_multiply() {
    let rule = "routes: [{host: web, retries: {attempts: 1, on: [500], backoff: {base: 1us, max: 1us}}}]\n";
    let record = repeated(&free_proxies(), 2, &format!("{FAILING}{rule}"));
    assert_eq!(visits(&record), [10, 60]);
    assert_eq!((sum(&record, |edge| edge.repeats), sum(&record, |edge| edge.attempts)), (20, 70));
}

#[test]
fn a_call_that_was_given_up_is_made_again_with_a_new_timeout() {
    let text =
        FAILING.replace("service: web,", "service: web, timeout: 1ms,").replace(", error_ratio: 100%", "");
    let record = repeated(&mesh("none"), 1, &text);
    assert_eq!(super::super::total(&record), 10 * 2 * MILLISECOND);
    assert_eq!(visits(&record), [10, 20]);
}
