//! Requests that visit several stations (section 2 of the table of expected values).

use sim::analytic::networks::{
    closed_loop, fork_join_of_two_mean_response, held_caller_throughput, jackson_mean_response,
    parallel_mean, parallel_quantile, tail_at_scale,
};
use sim::kernel::dist::Dist;
use sim::kernel::rng::{Draws, Key};
use sim::kernel::station::{Acquired, Capacity, Fifo, Pool, Window};
use sim::kernel::{Schedule, Uniform};
use sim::units::{SimTime, Span};

use super::model::{Model, Step};
use super::rule::{Expected, agrees};
use super::source::{Record, draw, exponential, user, visit, window};

fn station(window: Window) -> Fifo {
    Fifo::new(Capacity::Limited(1), Capacity::Unlimited, window)
}

/// A request under way: where it is, for which time, who it is and when it came; or its end.
#[derive(Clone, Copy)]
enum Event {
    Arrive { at: usize, repetition: u32, arrived: SimTime, request: Key },
    Done { arrived: SimTime },
}

/// A request has arrived and goes to the first station.
fn enter(model: &mut Model<Event>) {
    let arrived = model.now();
    model.record.arrive(arrived);
    let request = model.source.key();
    model.at(arrived, Event::Arrive { at: 0, repetition: 0, arrived, request });
}

#[test]
fn stations_in_a_row_are_independent() {
    let (rate, service_times) = (80.0, [0.002, 0.005, 0.010]);
    let services = service_times.map(exponential);
    let mut expected: Vec<Expected> = Vec::new();
    for (name, service_time) in ["S 2 ms", "S 5 ms", "S 10 ms"].into_iter().zip(service_times) {
        expected.push(Expected::mean(name, jackson_mean_response(rate, &[(1.0, service_time)])));
    }
    expected.push(Expected::mean("W", jackson_mean_response(rate, &service_times.map(|time| (1.0, time)))));
    agrees("tandem", 700_000, &expected, |replication, count| {
        let mut model = Model::new("tandem", replication, rate, count);
        let window = model.window();
        let mut stations = [station(window), station(window), station(window)];
        let mut visits = [Record::new(window), Record::new(window), Record::new(window)];
        model.run(|model, step| {
            let now = model.now();
            match step {
                Step::Arrival => enter(model),
                Step::Own(Event::Arrive { at, repetition, arrived, request }) => {
                    let demand = draw(&services[at], &mut visit(request, at, repetition));
                    let visit = stations[at].offer(now, demand).expect("no bound");
                    if window.contains(now) {
                        visits[at].add(visit.done.since(now));
                    }
                    let last = at + 1 == stations.len();
                    let next = if last {
                        Event::Done { arrived }
                    } else {
                        Event::Arrive { at: at + 1, repetition, arrived, request }
                    };
                    model.at(visit.done, next);
                }
                Step::Own(Event::Done { arrived }) => model.record.depart(now, arrived),
            }
        });
        visits.iter().chain([&model.record]).map(Record::mean).collect()
    });
}

#[test]
fn a_request_that_returns_loads_the_station_again() {
    let (rate, again, service_time) = (60.0, 0.2, 0.010);
    let service = exponential(service_time);
    let theory = jackson_mean_response(rate, &[(1.0 / (1.0 - again), service_time)]);
    let expected =
        [Expected::mean("W", theory), Expected::mean("utilization", rate / (1.0 - again) * service_time)];
    agrees("feedback", 400_000, &expected, |replication, count| {
        let mut model = Model::new("feedback", replication, rate, count);
        let mut station = station(model.window());
        model.run(|model, step| {
            let now = model.now();
            match step {
                Step::Arrival => enter(model),
                Step::Own(Event::Arrive { at, repetition, arrived, request }) => {
                    let mut draws = visit(request, at, repetition);
                    let visit = station.offer(now, draw(&service, &mut draws)).expect("no bound");
                    let returns = draws.chance(again);
                    let next = if returns {
                        Event::Arrive { at, repetition: repetition + 1, arrived, request }
                    } else {
                        Event::Done { arrived }
                    };
                    model.at(visit.done, next);
                }
                Step::Own(Event::Done { arrived }) => model.record.depart(now, arrived),
            }
        });
        vec![model.record.mean(), station.busy().utilization(1)]
    });
}

/// The end of a request that arrived then.
#[derive(Clone, Copy)]
struct Joined {
    arrived: SimTime,
}

/// Every arrival calls all of `stations` at once and waits for the last; returns the record of the whole.
fn fork(mut model: Model<Joined>, stations: &mut [Fifo], service: impl Fn(&mut Draws) -> Span) -> Record {
    model.run(|model, step| {
        let now = model.now();
        match step {
            Step::Arrival => {
                model.record.arrive(now);
                let mut draws = model.source.request();
                let mut last = now;
                for station in &mut *stations {
                    last = last.max(station.offer(now, service(&mut draws)).expect("no bound").done);
                }
                model.at(last, Joined { arrived: now });
            }
            Step::Own(Joined { arrived }) => model.record.depart(now, arrived),
        }
    });
    model.record
}

fn fork_join(row: &str, rate: f64, count: u64) {
    let service = exponential(0.010);
    let expected = [Expected::mean("W", fork_join_of_two_mean_response(rate, 100.0))];
    agrees(row, count, &expected, |replication, count| {
        let model = Model::new(row, replication, rate, count);
        let mut stations = [station(model.window()), station(model.window())];
        vec![fork(model, &mut stations, |draws| draw(&service, draws)).mean()]
    });
}

#[test]
fn a_join_waits_for_the_slower_half() {
    fork_join("fork-join .3", 30.0, 80_000);
    fork_join("fork-join .5", 50.0, 120_000);
}

/// One station that never makes anybody wait, for each of `calls` parallel calls.
fn free_stations(calls: u32, window: Window) -> Vec<Fifo> {
    (0..calls).map(|_| Fifo::new(Capacity::Unlimited, Capacity::Unlimited, window)).collect()
}

fn parallel(row: &str, calls: u32, count: u64) {
    let (rate, service_time) = (100.0, 0.010);
    let service = exponential(service_time);
    let expected = [
        Expected::mean("mean", parallel_mean(calls, service_time)),
        Expected::quantile("p99", parallel_quantile(calls, service_time, 0.99)),
    ];
    agrees(row, count, &expected, |replication, count| {
        let model = Model::new(row, replication, rate, count);
        let mut stations = free_stations(calls, model.window());
        let record = fork(model, &mut stations, |draws| draw(&service, draws));
        vec![record.mean(), record.quantile(0.99)]
    });
}

#[test]
fn the_slowest_of_many_calls_decides() {
    parallel("10 parallel calls", 10, 30_000);
    parallel("100 parallel calls", 100, 10_000);
}

fn tail(row: &str, calls: u32, count: u64) {
    let (rate, slow) = (100.0, 0.01);
    let (fast_time, slow_time) = (Span::from_millis(1), Span::from_millis(100));
    let expected = [Expected::mean("slow", tail_at_scale(calls, slow))];
    agrees(row, count, &expected, |replication, count| {
        let model = Model::new(row, replication, rate, count);
        let mut stations = free_stations(calls, model.window());
        let time = |draws: &mut Draws| if draws.chance(slow) { slow_time } else { fast_time };
        let record = fork(model, &mut stations, time);
        let (fast_time, slow_time) = (fast_time.seconds(), slow_time.seconds());
        vec![(record.mean() - fast_time) / (slow_time - fast_time)]
    });
}

#[test]
fn rare_slowness_is_common_at_scale() {
    tail("tail of 10", 10, 100_000);
    tail("tail of 100", 100, 10_000);
}

#[derive(Clone, Copy)]
enum Turn {
    Send { user: u64 },
    Answer { user: u64, sent: SimTime },
}

/// Users who think, send, and wait for the answer.
fn loop_of_users(
    row: &str,
    users: u32,
    think_time: f64,
    mean: fn(&'static str, f64) -> Expected,
    count: u64,
) {
    let service_time = 0.010;
    let theory = closed_loop(users, think_time, &[service_time]);
    let (think, service) = (exponential(think_time), exponential(service_time));
    let expected = [mean("X", theory.throughput), mean("R", theory.response_time)];
    agrees(row, count, &expected, |replication, count| {
        let window = window(theory.throughput, count);
        let (mut station, mut record, mut answers) = (station(window), Record::new(window), 0);
        let mut draws: Vec<Draws> = (0..users).map(|number| user(row, replication, number)).collect();
        let mut schedule = Schedule::new();
        for user in 0..u64::from(users) {
            schedule.after(draw(&think, &mut draws[user as usize]), Turn::Send { user });
        }
        while let Some(turn) = schedule.next() {
            let now = schedule.now();
            match turn {
                Turn::Send { user } => {
                    record.arrive(now);
                    let demand = draw(&service, &mut draws[user as usize]);
                    let done = station.offer(now, demand).expect("no bound").done;
                    schedule.at(done, Turn::Answer { user, sent: now });
                }
                Turn::Answer { user, sent } => {
                    record.depart(now, sent);
                    answers += u64::from(window.contains(now));
                    schedule.after(draw(&think, &mut draws[user as usize]), Turn::Send { user });
                }
            }
            if record.is_complete(now) {
                break;
            }
        }
        vec![answers as f64 / window.length().seconds(), record.mean()]
    });
}

#[test]
fn a_closed_loop_sends_as_fast_as_it_is_answered() {
    loop_of_users("10 users", 10, 0.1, Expected::mean, 100_000);
    loop_of_users("200 users", 200, 1.0, Expected::mean_under_high_load, 100_000);
}

#[derive(Clone, Copy)]
enum Held {
    Worked,
    Answered,
}

/// Threads of a caller that are held while they work and while they wait for a callee; more work than they can do.
fn held_threads(row: &str, threads: u32, count: u64) {
    let (own_time, callee_servers, callee_time, rate) = (0.020, 8, 0.010, 1000.0);
    let (own, callee_service): (Dist, Dist) = (exponential(own_time), exponential(callee_time));
    let theory = held_caller_throughput(threads, own_time, callee_servers, callee_time);
    agrees(row, count, &[Expected::mean("throughput", theory)], |replication, count| {
        // Nobody is recorded, so the model runs until the window ends.
        let mut model = Model::new(row, replication, rate, count);
        let window = model.window();
        let mut caller = Pool::new(Capacity::Limited(threads), Capacity::Limited(1000), window);
        let mut callee = Fifo::new(Capacity::Limited(callee_servers), Capacity::Unlimited, window);
        let mut answered = 0_u64;
        model.run(|model, step| {
            let now = model.now();
            let mut starts = false;
            match step {
                Step::Arrival => starts = caller.acquire(now, ()) == Acquired::Started,
                Step::Own(Held::Worked) => {
                    let demand = draw(&callee_service, &mut model.source.request());
                    model.at(callee.offer(now, demand).expect("no bound").done, Held::Answered);
                }
                Step::Own(Held::Answered) => {
                    answered += u64::from(window.contains(now));
                    starts = caller.release(now).is_some();
                }
            }
            if starts {
                let demand = draw(&own, &mut model.source.request());
                model.after(demand, Held::Worked);
            }
        });
        vec![answered as f64 / window.length().seconds()]
    });
}

#[test]
fn held_threads_bound_the_caller() {
    held_threads("8 threads", 8, 100_000);
    held_threads("64 threads", 64, 100_000);
}
