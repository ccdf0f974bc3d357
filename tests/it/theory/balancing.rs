//! One Poisson stream dealt to many exponential servers (section 2 of the table). Times are in units of the service time.

use sim::analytic::balancing;
use sim::kernel::Uniform;
use sim::kernel::rng::Draws;
use sim::kernel::station::{Capacity, Fifo};
use sim::units::SimTime;

use super::model::{Model, Step};
use super::rule::{Expected, agrees};
use super::source::{draw, exponential};

const SERVICE_TIME: f64 = 0.010;

#[derive(Clone, Copy)]
struct Departure {
    server: usize,
    arrived: SimTime,
}

/// Chooses a server for an arrival: its number, the requests at every server, its draws.
type Choose = fn(u64, &[u32], &mut Draws) -> usize;

fn at_random(_: u64, present: &[u32], draws: &mut Draws) -> usize {
    draws.below(present.len() as u32) as usize
}

fn in_turn(number: u64, present: &[u32], _: &mut Draws) -> usize {
    (number % present.len() as u64) as usize
}

/// The shorter of two different queues.
fn of_two(_: u64, present: &[u32], draws: &mut Draws) -> usize {
    let first = draws.below(present.len() as u32) as usize;
    let other = draws.below(present.len() as u32 - 1) as usize;
    let second = other + usize::from(other >= first);
    if present[second] < present[first] { second } else { first }
}

fn balanced(row: &str, (servers, load): (u32, f64), choose: Choose, expected: Expected, count: u64) {
    let rate = load * f64::from(servers) / SERVICE_TIME;
    let service = exponential(SERVICE_TIME);
    agrees(row, count, &[expected], |replication, count| {
        let mut model = Model::new(row, replication, rate, count);
        let station = Fifo::new(Capacity::Limited(1), Capacity::Unlimited, model.window());
        let mut stations = vec![station; servers as usize];
        let (mut present, mut number) = (vec![0; servers as usize], 0);
        model.run(|model, step| {
            let now = model.now();
            match step {
                Step::Arrival => {
                    model.record.arrive(now);
                    let mut draws = model.source.request();
                    let server = choose(number, &present, &mut draws);
                    let visit = stations[server].offer(now, draw(&service, &mut draws)).expect("no bound");
                    model.at(visit.done, Departure { server, arrived: now });
                    present[server] += 1;
                    number += 1;
                }
                Step::Own(Departure { server, arrived }) => {
                    present[server] -= 1;
                    model.record.depart(now, arrived);
                }
            }
        });
        vec![model.record.mean() / SERVICE_TIME]
    });
}

#[test]
fn a_random_choice_makes_every_server_its_own_queue() {
    let expected = Expected::mean("W/S", balancing::random(0.8));
    balanced("random", (10, 0.8), at_random, expected, 700_000);
}

#[test]
fn round_robin_evens_out_the_arrivals() {
    let expected = Expected::mean("W/S", balancing::round_robin(0.8, 4));
    balanced("round robin", (4, 0.8), in_turn, expected, 500_000);
}

/// The limit of many servers is 2.6141; 200 servers were simulated elsewhere to ± .004.
#[test]
fn two_choices_among_two_hundred_servers() {
    let expected = Expected::volatile("W/S", 2.629).known_within(0.004);
    balanced("two of 200", (200, 0.9), of_two, expected, 300_000);
}

/// The limit of many servers is 1.9474; 10 servers were simulated elsewhere.
#[test]
fn two_choices_among_ten_servers() {
    let expected = Expected::volatile("W/S", 2.079).known_within(0.001);
    balanced("two of 10", (10, 0.8), of_two, expected, 150_000);
}
