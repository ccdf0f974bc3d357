//! Single stations (section 1 of the table of expected values). The mean service time is 10 ms.

use sim::analytic::stations::{
    Mmc, Setup, erlang_b, mg1_mean_wait, mm1k_loss, processor_sharing_mean_response,
};
use sim::kernel::dist::Dist;
use sim::kernel::station::{Capacity, Fifo, Sharing, WakeModel, Workers};
use sim::units::{Cores, Ratio, SimTime, Span};

use super::model::{Model, Step};
use super::rule::{Expected, agrees};
use super::source::{Record, Source, draw, exponential, window};

const SERVICE_TIME: f64 = 0.010;
const SERVICE_RATE: f64 = 100.0;

/// What a FIFO station shows from outside.
struct Observed {
    waits: Record,
    responses: Record,
    delayed: u64,
    rejected: u64,
    utilization: f64,
}

/// The departure of a request that arrived then.
#[derive(Clone, Copy)]
struct Departure {
    arrived: SimTime,
}

/// Arrivals at a FIFO station.
fn fifo(mut model: Model<Departure>, servers: u32, places: Capacity, service: &Dist) -> Observed {
    let window = model.window();
    let mut station = Fifo::new(Capacity::Limited(servers), places, window);
    let (mut waits, mut delayed, mut rejected) = (Record::new(window), 0, 0);
    model.run(|model, step| {
        let now = model.now();
        match step {
            Step::Arrival => {
                let visit = station.offer(now, draw(service, &mut model.source.request()));
                if let Ok(visit) = visit {
                    model.record.arrive(now);
                    model.at(visit.done, Departure { arrived: now });
                }
                if window.contains(now) {
                    rejected += u64::from(visit.is_err());
                    delayed += u64::from(visit.is_ok_and(|visit| visit.start > now));
                    if let Ok(visit) = visit {
                        waits.add(visit.wait(now));
                    }
                }
            }
            Step::Own(Departure { arrived }) => model.record.depart(now, arrived),
        }
    });
    let utilization = station.busy().utilization(servers);
    Observed { waits, responses: model.record, delayed, rejected, utilization }
}

fn mm1(row: &str, load: f64, count: u64) {
    let (rate, service) = (load * SERVICE_RATE, exponential(SERVICE_TIME));
    let theory = Mmc { arrival_rate: rate, service_rate: SERVICE_RATE, servers: 1 };
    let expected = [
        Expected::mean("W", theory.mean_response()),
        Expected::quantile("p50", theory.response_quantile(0.5)),
        Expected::quantile("p99", theory.response_quantile(0.99)),
        Expected::mean("utilization", load),
        Expected::mean("throughput", rate),
    ];
    agrees(row, count, &expected, |replication, count| {
        let model = Model::new(row, replication, rate, count);
        let seen = fifo(model, 1, Capacity::Unlimited, &service);
        let Observed { responses, utilization, .. } = seen;
        vec![
            responses.mean(),
            responses.quantile(0.5),
            responses.quantile(0.99),
            utilization,
            responses.rate(),
        ]
    });
}

#[test]
fn mm1_at_half_load() {
    mm1("M/M/1 .5", 0.5, 120_000);
}

#[test]
fn mm1_at_seven_tenths() {
    mm1("M/M/1 .7", 0.7, 300_000);
}

#[test]
fn mm1_at_eight_tenths() {
    mm1("M/M/1 .8", 0.8, 1_000_000);
}

fn mmc(row: &str, servers: u32, load: f64, count: u64) {
    let (rate, service) = (load * SERVICE_RATE * f64::from(servers), exponential(SERVICE_TIME));
    let theory = Mmc { arrival_rate: rate, service_rate: SERVICE_RATE, servers };
    let mean = if load > 0.8 { Expected::mean_under_high_load } else { Expected::mean };
    let expected = [
        mean("C", theory.wait_probability()),
        mean("Wq", theory.mean_wait()),
        mean("W", theory.mean_response()),
        Expected::quantile("p99", theory.response_quantile(0.99)),
        mean("utilization", load),
    ];
    agrees(row, count, &expected, |replication, count| {
        let model = Model::new(row, replication, rate, count);
        let seen = fifo(model, servers, Capacity::Unlimited, &service);
        let delayed = seen.delayed as f64 / seen.waits.count() as f64;
        vec![
            delayed,
            seen.waits.mean(),
            seen.responses.mean(),
            seen.responses.quantile(0.99),
            seen.utilization,
        ]
    });
}

#[test]
fn mmc_with_two_servers() {
    mmc("M/M/2 .8", 2, 0.8, 1_200_000);
}

#[test]
fn mmc_with_four_servers() {
    mmc("M/M/4 .8", 4, 0.8, 1_500_000);
}

#[test]
fn mmc_with_eight_servers() {
    mmc("M/M/8 .9", 8, 0.9, 1_800_000);
}

#[test]
fn mmc_with_sixteen_servers() {
    mmc("M/M/16 .9", 16, 0.9, 1_700_000);
}

fn mg1(row: &str, service: &Dist, count: u64) {
    let rate = 0.8 * SERVICE_RATE;
    let wait = mg1_mean_wait(0.8, SERVICE_TIME, service.scv());
    let expected =
        [if service.scv() > 1.0 { Expected::volatile("Wq", wait) } else { Expected::mean("Wq", wait) }];
    agrees(row, count, &expected, |replication, count| {
        let model = Model::new(row, replication, rate, count);
        vec![fifo(model, 1, Capacity::Unlimited, service).waits.mean()]
    });
}

#[test]
fn mg1_with_constant_service() {
    mg1("M/G/1 scv 0", &Dist::constant(SERVICE_TIME * 1e9).expect("positive"), 350_000);
}

#[test]
fn mg1_with_erlang_service() {
    mg1("M/G/1 scv .25", &Dist::erlang(SERVICE_TIME * 1e9, 4).expect("four stages"), 700_000);
}

#[test]
fn mg1_with_exponential_service() {
    mg1("M/G/1 scv 1", &exponential(SERVICE_TIME), 1_200_000);
}

#[test]
fn mg1_with_lognormal_service() {
    mg1("M/G/1 scv 4", &lognormal(), 1_000_000);
}

/// Squared coefficient of variation 4.
fn lognormal() -> Dist {
    Dist::lognormal_mean_cv(SERVICE_TIME * 1e9, 2.0).expect("positive")
}

/// The share of arrivals lost by `servers` servers and `places` waiting places.
fn loss(row: &str, expected: f64, load: f64, (servers, places): (u32, u32), service: &Dist, count: u64) {
    let rate = load * SERVICE_RATE;
    agrees(row, count, &[Expected::loss("loss", expected)], |replication, count| {
        let model = Model::new(row, replication, rate, count);
        let seen = fifo(model, servers, Capacity::Limited(places), service);
        vec![seen.rejected as f64 / (seen.rejected + seen.waits.count()) as f64]
    });
}

#[test]
fn a_bounded_queue_loses_what_does_not_fit() {
    // K = 10 counts the request in service: nine waiting places.
    loss("M/M/1/10 .8", mm1k_loss(0.8, 10), 0.8, (1, 9), &exponential(SERVICE_TIME), 150_000);
    loss("M/M/1/10 1.5", mm1k_loss(1.5, 10), 1.5, (1, 9), &exponential(SERVICE_TIME), 50_000);
}

#[test]
fn erlang_b_holds_for_any_service_time() {
    loss("M/M/10/10", erlang_b(10, 8.0), 8.0, (10, 0), &exponential(SERVICE_TIME), 100_000);
    loss("M/G/10/10", erlang_b(10, 8.0), 8.0, (10, 0), &lognormal(), 100_000);
    loss("M/M/100/100", erlang_b(100, 90.0), 90.0, (100, 0), &exponential(SERVICE_TIME), 300_000);
}

/// The alarm of a sharing station.
#[derive(Clone, Copy)]
struct Ring {
    generation: u32,
}

/// Mean response time under processor sharing.
fn sharing(row: &str, load: f64, service: &Dist, count: u64) {
    let rate = load * SERVICE_RATE;
    let expected = [
        Expected::mean("W", processor_sharing_mean_response(load, SERVICE_TIME)),
        Expected::mean("utilization", load),
    ];
    agrees(row, count, &expected, |replication, count| {
        let mut model = Model::new(row, replication, rate, count);
        let mut station = Sharing::new(Cores::new(1.0).expect("one"), model.window());
        let mut done = Vec::new();
        model.run(|model, step| {
            let now = model.now();
            match step {
                Step::Arrival => {
                    model.record.arrive(now);
                    station.offer(now, draw(service, &mut model.source.request()), now);
                }
                Step::Own(Ring { generation }) => station.ring(now, generation, &mut done),
            }
            done.drain(..).for_each(|arrived| model.record.depart(now, arrived));
            if let Some(alarm) = station.next_alarm() {
                model.at(alarm.at, Ring { generation: alarm.generation });
            }
        });
        let served = station.served_in_window(model.now()).seconds();
        vec![model.record.mean(), served / model.window().length().seconds()]
    });
}

#[test]
fn processor_sharing_forgets_the_law_at_half_load() {
    sharing("PS exponential .5", 0.5, &exponential(SERVICE_TIME), 120_000);
    sharing("PS constant .5", 0.5, &Dist::constant(SERVICE_TIME * 1e9).expect("positive"), 80_000);
    sharing("PS lognormal .5", 0.5, &lognormal(), 400_000);
}

#[test]
fn processor_sharing_forgets_the_law_at_eight_tenths() {
    sharing("PS exponential .8", 0.8, &exponential(SERVICE_TIME), 500_000);
    sharing("PS lognormal .8", 0.8, &lognormal(), 1_000_000);
}

#[test]
fn a_cold_start_delays_the_first_and_those_behind() {
    let (rate, service, setup) = (50.0, exponential(SERVICE_TIME), exponential(0.1));
    let theory = Setup::exponential(0.1).mean_response(rate, SERVICE_RATE);
    agrees("cold start", 300_000, &[Expected::mean("W", theory)], |replication, count| {
        let mut source = Source::new("cold start", replication, rate);
        let mut record = Record::new(window(rate, count));
        let mut station = Fifo::new(Capacity::Limited(1), Capacity::Unlimited, record.window());
        let mut now = SimTime::ZERO;
        while !record.is_complete(now) {
            now += source.gap();
            let mut draws = source.request();
            let cold = station.earliest_start(now) == now;
            let start_up = if cold { draw(&setup, &mut draws) } else { Span::ZERO };
            let visit = station.offer(now, start_up + draw(&service, &mut draws)).expect("no bound");
            record.arrive(now);
            record.depart(visit.done, now);
        }
        vec![record.mean()]
    });
}

/// A worker that must be woken is a queue with a setup. What follows the job is part of the setup for those behind, but
/// not for the one that is woken for.
#[test]
fn a_wake_up_is_a_setup() {
    let (rate, service, cost, before) = (50.0, exponential(SERVICE_TIME), 0.020, 0.25);
    let setup = Setup::constant(cost);
    let response = setup.mean_response(rate, SERVICE_RATE)
        - (1.0 - before) * cost * setup.idle_probability(rate, SERVICE_RATE);
    let cpu = rate * (SERVICE_TIME + cost * setup.idle_probability(rate, SERVICE_RATE));
    let wake = WakeModel {
        floor: Span::from_seconds_f64(cost),
        before_ratio: Ratio::new(before).expect("a ratio"),
        ..WakeModel::FREE
    };
    let expected = [Expected::mean("W", response), Expected::mean("utilization", cpu)];
    agrees("wake-up", 300_000, &expected, |replication, count| {
        let mut source = Source::new("wake-up", replication, rate);
        let mut record = Record::new(window(rate, count));
        let mut workers = Workers::new(record.window());
        let core = workers.add_core();
        let process = workers.add_process(wake, &[core]);
        let worker = workers.worker(process, 0);
        let mut now = SimTime::ZERO;
        while !record.is_complete(now) {
            now += source.gap();
            let visit = workers.offer(now, worker, draw(&service, &mut source.request()));
            record.arrive(now);
            record.depart(visit.done, now);
        }
        let used = workers.cpu_used_in_window(process).seconds();
        vec![record.mean(), used / record.window().length().seconds()]
    });
}
