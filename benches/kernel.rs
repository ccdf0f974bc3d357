//! What the kernel's parts cost: the future event list against its contenders, random numbers, samplers, timers, and all
//! of it in an M/M/1 queue.

mod contenders;

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use contenders::binary_heap::StandardHeap;
use contenders::ladder::Ladder;
use contenders::{Contender, FourAryHeap};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sim::kernel::dist::Dist;
use sim::kernel::queue::EventQueue;
use sim::kernel::rng::{Draws, Key, Purpose, Stream};
use sim::kernel::{Schedule, Uniform};
use sim::units::{SimTime, Span};

/// Pending events.
const SIZES: [usize; 3] = [100, 10_000, 1_000_000];

/// Patterns in which a million pending events are measured.
const MANY: [&str; 2] = ["exponential", "none"];

/// How long after it was scheduled an event happens; drawn beforehand, for drawing is not what is measured.
struct Delays {
    name: &'static str,
    nanos: Vec<u64>,
}

impl Delays {
    fn all() -> [Self; 4] {
        let mut draws = draws();
        let mut table = |name, mut draw: Box<dyn FnMut(&mut Draws) -> f64>| Self {
            name,
            nanos: (0..1 << 16).map(|_| draw(&mut draws) as u64).collect(),
        };
        let exponential = Dist::exponential(1e6).expect("a mean");
        let hop = Dist::gamma(60e3, 0.3).expect("mean and cv");
        let service = Dist::gamma(10e6, 0.3).expect("mean and cv");
        [
            table("exponential", Box::new(move |draws| exponential.sample(draws))),
            table(
                "60us or 10ms",
                Box::new(
                    move |draws| if draws.chance(0.5) { hop.sample(draws) } else { service.sample(draws) },
                ),
            ),
            table("constant", Box::new(|_| 1e6)),
            table("none", Box::new(|_| 0.0)),
        ]
    }

    fn at(&self, index: usize) -> Span {
        Span::from_nanos(self.nanos[index % self.nanos.len()])
    }

    /// A queue with `size` events pending, as if they had been scheduled at time zero; constant delays are spread over
    /// one of them, as they are when they have begun at random.
    fn fill<C: Contender>(&self, size: usize) -> C {
        let mut queue = C::default();
        for index in 0..size {
            let share = if self.name == "constant" { index as f64 / size as f64 } else { 1.0 };
            queue.push(SimTime::ZERO + self.at(index).scale(share), [index as u64; 3]);
        }
        queue
    }
}

fn hold_operations(criterion: &mut Criterion) {
    for delays in Delays::all() {
        for size in SIZES {
            if size > 10_000 && !MANY.contains(&delays.name) {
                continue;
            }
            hold::<StandardHeap>(criterion, &delays, size);
            hold::<FourAryHeap>(criterion, &delays, size);
            // Quadratic when everything happens at once.
            if delays.name != "none" || size == 100 {
                hold::<Ladder>(criterion, &delays, size);
            }
            hold::<EventQueue<contenders::Event>>(criterion, &delays, size);
        }
    }
}

/// Removes the earliest event and schedules another, over and over, with `size` pending.
fn hold<C: Contender>(criterion: &mut Criterion, delays: &Delays, size: usize) {
    let mut group = criterion.benchmark_group(format!("hold, delays {}", delays.name));
    let mut index = 0;
    let mut hold = move |queue: &mut C| {
        let (time, event) = queue.pop().expect("as many are pushed as popped");
        index += 7; // 7 and the length of the table have no common divisor
        queue.push(time + delays.at(index), event);
        time
    };
    // Filled once, and only if it is asked for: criterion runs the function for each of its samples.
    let mut filled = None;
    group.bench_function(BenchmarkId::new(C::NAME, size), |bencher| {
        let queue = filled.get_or_insert_with(|| {
            let mut queue = delays.fill::<C>(size);
            // A turn later, events lie in memory as they do in a long run.
            (0..2 * size).for_each(|_| {
                hold(&mut queue);
            });
            queue
        });
        bencher.iter(|| hold(queue));
    });
}

#[derive(Clone, Copy)]
enum Customer {
    Arrives,
    Departs,
}

const CUSTOMERS: u32 = 100_000;
const MEAN_GAP: f64 = 1e6;
const MEAN_SERVICE: f64 = 0.8e6;

/// An M/M/1 queue as textbooks have it: two events a customer, and a line of those who wait. Returns the mean time in the
/// system in nanoseconds.
fn queue_of_events(customers: u32) -> f64 {
    let (mut gaps, mut services) = streams();
    let (gap, service) = laws();
    let mut schedule = Schedule::new();
    let mut line = VecDeque::new();
    let (mut served, mut total) = (0, 0);
    schedule.at(SimTime::ZERO, Customer::Arrives);
    while let Some(event) = schedule.next() {
        let now = schedule.now();
        match event {
            Customer::Arrives => {
                schedule.after(Span::from_nanos_f64(gap.sample(&mut gaps)), Customer::Arrives);
                line.push_back(now);
            }
            Customer::Departs => {
                total += line.pop_front().map_or(0, |arrived: SimTime| now.since(arrived).nanos());
                served += 1;
                if served == customers {
                    break;
                }
            }
        }
        let begins = matches!(event, Customer::Departs) || line.len() == 1;
        if begins && !line.is_empty() {
            schedule.after(Span::from_nanos_f64(service.sample(&mut services)), Customer::Departs);
        }
    }
    total as f64 / f64::from(served)
}

/// The same queue with the departure computed on arrival: one event a customer.
fn queue_committed(customers: u32) -> f64 {
    let (mut gaps, mut services) = streams();
    let (gap, service) = laws();
    let mut schedule = Schedule::new();
    let mut free_at = SimTime::ZERO;
    let (mut served, mut total) = (0, 0);
    schedule.at(SimTime::ZERO, Customer::Arrives);
    while let Some(Customer::Arrives) = schedule.next() {
        let now = schedule.now();
        free_at = free_at.max(now) + Span::from_nanos_f64(service.sample(&mut services));
        total += free_at.since(now).nanos();
        served += 1;
        if served == customers {
            break;
        }
        schedule.after(Span::from_nanos_f64(gap.sample(&mut gaps)), Customer::Arrives);
    }
    total as f64 / f64::from(served)
}

fn streams() -> (Stream, Stream) {
    (Stream::new(1, Purpose(0), "gaps", 0), Stream::new(1, Purpose(1), "services", 0))
}

fn laws() -> (Dist, Dist) {
    let exponential = |mean| Dist::exponential(mean).expect("a mean");
    (exponential(MEAN_GAP), exponential(MEAN_SERVICE))
}

fn single_server_queue(criterion: &mut Criterion) {
    // Theory: 0.8 ms / (1 − 0.8) = 4 ms. Both see the same customers, and so must agree to the nanosecond.
    assert_eq!(queue_of_events(CUSTOMERS), queue_committed(CUSTOMERS));
    assert!((queue_committed(1_000_000) / 4e6 - 1.0).abs() < 0.05);
    let mut group = criterion.benchmark_group("M/M/1 customers");
    group.throughput(Throughput::Elements(u64::from(CUSTOMERS)));
    group.bench_function("arrival and departure events", |bencher| {
        bencher.iter(|| queue_of_events(black_box(CUSTOMERS)));
    });
    group.bench_function("committed departures", |bencher| {
        bencher.iter(|| queue_committed(black_box(CUSTOMERS)));
    });
}

fn draws() -> Draws {
    Key::new(&[1, 2, 3]).draws(Purpose(0), 0, 0, 0)
}

fn random_numbers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("uniform number");
    let mut stream = Stream::new(1, Purpose(0), "bench", 0);
    group.bench_function("of a stream", |bencher| bencher.iter(|| stream.unit()));
    let mut sequence = draws();
    group.bench_function("of a request", |bencher| bencher.iter(|| sequence.unit()));
    let key = Key::new(&[1, 2, 3]);
    let mut path = 0;
    group.bench_function("of a request, first at its address", |bencher| {
        bencher.iter(|| {
            path += 1;
            key.draws(Purpose(1), path, 0, 0).unit()
        });
    });
}

fn samplers(criterion: &mut Criterion) {
    let quantiles = [(0.0, 1e6), (0.5, 2e6), (0.9, 5e6), (0.99, 2e7), (0.999, 5e7), (1.0, 1e8)];
    let values = (1..=1_000_u32).map(|rank| (f64::from(rank), 1.0 / f64::from(rank))).collect();
    let mut group = criterion.benchmark_group("sample");
    for (name, dist) in [
        ("constant", Dist::constant(1e6)),
        ("uniform", Dist::uniform(1e6, 2e6)),
        ("exponential", Dist::exponential(1e6)),
        ("lognormal", Dist::lognormal_mean_cv(1e6, 2.0)),
        ("gamma, cv 0.5", Dist::gamma(1e6, 0.5)),
        ("gamma, cv 2", Dist::gamma(1e6, 2.0)),
        ("weibull", Dist::weibull_mean_shape(1e6, 0.7)),
        ("pareto", Dist::bounded_pareto(1e6, 1e9, 1.2)),
        ("empirical, 6 quantiles", Dist::empirical_quantiles(&quantiles)),
        ("empirical, 1000 values", Dist::empirical_values(values)),
    ] {
        let dist = dist.expect("valid parameters");
        let mut draws = draws();
        group.bench_function(name, |bencher| bencher.iter(|| dist.sample(&mut draws)));
    }
}

const TIMEOUT: Span = Span::from_seconds(15);

/// Timeouts of 15 s with so many requests under way, all answered in time or, for comparison, none.
fn timers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timer");
    for pending in [10_u32, 10_000] {
        let fresh = || {
            let mut schedule = Schedule::new();
            let timers: VecDeque<_> = (0..pending).map(|_| schedule.timer(TIMEOUT, ())).collect();
            (schedule, timers)
        };
        let (mut schedule, mut timers) = fresh();
        group.bench_function(BenchmarkId::new("set and cancel", pending), |bencher| {
            bencher.iter(|| {
                timers.push_back(schedule.timer(TIMEOUT, ()));
                timers.pop_front().is_some_and(|timer| schedule.cancel(timer))
            });
        });
        let (mut schedule, mut timers) = fresh();
        group.bench_function(
            BenchmarkId::new("set, cancel, and an event every 100 us", pending),
            |bencher| {
                bencher.iter(|| {
                    schedule.after(Span::from_micros(100), ());
                    timers.push_back(schedule.timer(TIMEOUT, ()));
                    let cancelled = timers.pop_front().is_some_and(|timer| schedule.cancel(timer));
                    (schedule.next(), cancelled)
                });
            },
        );
        let mut schedule = Schedule::new();
        for index in 1..=pending {
            schedule.timer(Span::from_nanos(TIMEOUT.nanos() / u64::from(pending) * u64::from(index)), ());
        }
        group.bench_function(BenchmarkId::new("set and fire", pending), |bencher| {
            bencher.iter(|| {
                schedule.timer(TIMEOUT, ());
                schedule.next()
            });
        });
    }
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(400))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = hold_operations, single_server_queue, random_numbers, samplers, timers
}
criterion_main!(benches);
