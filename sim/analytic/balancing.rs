//! One stream dealt to many single-server stations: mean response times in units of the service time.
//!
//! Sources: L. Kleinrock, Queueing Systems I (1975), section 6.4 for G/M/1; N. Vvedenskaya, R. Dobrushin,
//! F. Karpelevich, Queueing system with selection of the shortest of two queues (1996), and M. Mitzenmacher, The power
//! of two choices in randomized load balancing (IEEE Trans. Parallel and Distributed Systems 12, 2001).

/// A server chosen at random: each is an M/M/1 queue, 1/(1 − ρ).
pub fn random(utilization: f64) -> f64 {
    if utilization >= 1.0 { f64::INFINITY } else { 1.0 / (1.0 - utilization) }
}

/// `servers` in turn: each sees Erlang arrivals of that many stages (E_n/M/1), 1/(1 − σ) with
/// σ = (nρ/(nρ + 1 − σ))^n.
pub fn round_robin(utilization: f64, servers: u32) -> f64 {
    if utilization >= 1.0 {
        return f64::INFINITY;
    }
    let stage_rate = f64::from(servers) * utilization;
    // The right-hand side is convex in σ and maps [0, 1) into itself; from 0 the iteration climbs to the least root.
    let mut busy = 0.0;
    for _ in 0..100_000 {
        let next = libm::pow(stage_rate / (stage_rate + 1.0 - busy), f64::from(servers));
        if (next - busy).abs() < 1e-15 {
            break;
        }
        busy = next;
    }
    1.0 / (1.0 - busy)
}

/// The shorter of two queues chosen at random, in the limit of many servers: Σ ρ^(2^i − 2) over i ≥ 1. Finitely many
/// servers are slower.
pub fn power_of_two_limit(utilization: f64) -> f64 {
    if utilization >= 1.0 {
        return f64::INFINITY;
    }
    // ρ^(2^(i+1) − 2) = (ρ^(2^i − 2) · ρ)²
    let (mut sum, mut term) = (0.0, 1.0);
    while term > 1e-18 {
        sum += term;
        term = term * utilization * term * utilization;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::agrees;
    use super::*;

    fn check(what: &str, value: f64, printed: f64, digits: i32) {
        assert!(agrees(value, printed, digits), "{what}: {value} is not {printed}");
    }

    #[test]
    fn the_more_is_known_of_the_queues_the_shorter_they_are() {
        check("random", random(0.8), 5.0, 12);
        check("round robin of four", round_robin(0.8, 4), 3.267, 4);
        check("round robin of one", round_robin(0.8, 1), 5.0, 10);
        for (utilization, response) in [(0.7, 1.6145), (0.8, 1.9474), (0.9, 2.6141)] {
            check("power of two", power_of_two_limit(utilization), response, 5);
        }
    }

    #[test]
    fn nothing_helps_an_overload() {
        assert_eq!([random(1.0), round_robin(1.5, 3), power_of_two_limit(1.0)], [f64::INFINITY; 3]);
    }
}
