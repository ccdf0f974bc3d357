//! Requests that visit several stations, one after another or at once.
//!
//! Sources: J. Jackson, Networks of waiting lines (Operations Research 5, 1957); L. Flatto and S. Hahn, Two parallel
//! queues created by arrivals with two demands (1984), with the mean from R. Nelson and A. Tantawi, Approximate
//! analysis of fork/join synchronization in parallel queues (IEEE Trans. Computers 37, 1988); M. Reiser and
//! S. Lavenberg, Mean-value analysis of closed multichain queueing networks (Journal of the ACM 27, 1980); J. Dean and
//! L. Barroso, The tail at scale (Communications of the ACM 56, 2013).

/// Mean response time of an open Jackson network of single-server stations, in seconds per external request: the sum of
/// visits · S/(1 − λ · visits · S), over `(visits, service_time)`.
///
/// ```
/// // Three stations in a row, and a station that sends a fifth of its requests back to itself.
/// let tandem = sim::analytic::networks::jackson_mean_response(80.0, &[(1.0, 0.002), (1.0, 0.005), (1.0, 0.010)]);
/// assert!((tandem - 0.060714).abs() < 1e-6);
/// let feedback = sim::analytic::networks::jackson_mean_response(60.0, &[(1.0 / (1.0 - 0.2), 0.010)]);
/// assert!((feedback - 0.050).abs() < 1e-12);
/// ```
pub fn jackson_mean_response(arrival_rate: f64, stations: &[(f64, f64)]) -> f64 {
    stations
        .iter()
        .map(|&(visits, service_time)| {
            let demand = visits * service_time;
            let spare = 1.0 - arrival_rate * demand;
            if spare <= 0.0 { f64::INFINITY } else { demand / spare }
        })
        .sum()
}

/// Mean time from a fork into two M/M/1 queues until both parts are done, in seconds: (12 − ρ)/8 · 1/(μ − λ).
pub fn fork_join_of_two_mean_response(arrival_rate: f64, service_rate: f64) -> f64 {
    if arrival_rate >= service_rate {
        return f64::INFINITY;
    }
    (12.0 - arrival_rate / service_rate) / 8.0 / (service_rate - arrival_rate)
}

/// Mean time until the last of `calls` parallel exponential calls without queueing returns, in seconds: S · H_n.
pub fn parallel_mean(calls: u32, service_time: f64) -> f64 {
    (1..=calls).map(|call| service_time / f64::from(call)).sum()
}

/// The `p`-quantile of the same, in seconds: −S · ln(1 − p^(1/n)).
pub fn parallel_quantile(calls: u32, service_time: f64, p: f64) -> f64 {
    -service_time * libm::log(-libm::expm1(libm::log(p) / f64::from(calls)))
}

/// The probability that at least one of `calls` independent calls is slow when each is with probability `slow`.
pub fn tail_at_scale(calls: u32, slow: f64) -> f64 {
    -libm::expm1(f64::from(calls) * libm::log1p(-slow))
}

/// A closed loop's throughput and response time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ClosedLoop {
    /// Requests per second.
    pub throughput: f64,
    /// Seconds from sending to answer.
    pub response_time: f64,
}

/// `users` who think for `think_time` seconds on average and then send a request that demands `demands` seconds of each
/// single-server station: exact mean value analysis, one user more at a time.
pub fn closed_loop(users: u32, think_time: f64, demands: &[f64]) -> ClosedLoop {
    let mut queues = vec![0.0; demands.len()];
    let mut result = ClosedLoop { throughput: 0.0, response_time: demands.iter().sum() };
    for users in 1..=users {
        let responses: Vec<f64> =
            demands.iter().zip(&queues).map(|(demand, queue)| demand * (1.0 + queue)).collect();
        result.response_time = responses.iter().sum();
        result.throughput = f64::from(users) / (think_time + result.response_time);
        queues = responses.iter().map(|response| result.throughput * response).collect();
    }
    result
}

/// The most that a caller can do per second when each of its `threads` is held during its own work of `own_time` and a
/// call that takes one of `callee_servers` for `callee_time` (seconds): the limit of the threads, which is reached when
/// every call finds a server, or of the callee, which is approached when there are many threads.
pub fn held_caller_throughput(threads: u32, own_time: f64, callee_servers: u32, callee_time: f64) -> f64 {
    (f64::from(threads) / (own_time + callee_time)).min(f64::from(callee_servers) / callee_time)
}

#[cfg(test)]
mod tests {
    use super::super::agrees;
    use super::*;

    fn check(what: &str, value: f64, printed: f64, digits: i32) {
        assert!(agrees(value, printed, digits), "{what}: {value} is not {printed}");
    }

    #[test]
    fn stations_in_a_row_add_up() {
        for (service_time, mean) in [(0.002, 2.381), (0.005, 8.333), (0.010, 50.0)] {
            check("station", 1e3 * jackson_mean_response(80.0, &[(1.0, service_time)]), mean, 4);
        }
        check(
            "tandem",
            1e3 * jackson_mean_response(80.0, &[(1.0, 0.002), (1.0, 0.005), (1.0, 0.010)]),
            60.714,
            5,
        );
        assert_eq!(jackson_mean_response(80.0, &[(1.0, 0.002), (2.0, 0.010)]), f64::INFINITY);
    }

    #[test]
    fn a_join_waits_for_the_slower_half() {
        check("ρ .3", 1e3 * fork_join_of_two_mean_response(30.0, 100.0), 20.893, 5);
        check("ρ .5", 1e3 * fork_join_of_two_mean_response(50.0, 100.0), 28.75, 12);
        assert_eq!(fork_join_of_two_mean_response(100.0, 100.0), f64::INFINITY);
    }

    #[test]
    fn the_slowest_of_many_grows_with_the_logarithm() {
        for (calls, mean, p99) in [(10, 29.290, 69.032), (100, 51.874, 92.054)] {
            check("mean", 1e3 * parallel_mean(calls, 0.010), mean, 5);
            check("p99", 1e3 * parallel_quantile(calls, 0.010, 0.99), p99, 5);
        }
        check("10 calls", tail_at_scale(10, 0.01), 0.0956, 3);
        check("100 calls", tail_at_scale(100, 0.01), 0.6340, 4);
    }

    #[test]
    fn a_closed_loop_saturates() {
        let few = closed_loop(10, 0.1, &[0.010]);
        check("throughput", few.throughput, 78.542, 5);
        check("response", 1e3 * few.response_time, 27.321, 5);
        let many = closed_loop(200, 1.0, &[0.010]);
        check("throughput", many.throughput, 100.0, 4);
        check("response", many.response_time, 1.0, 4);
        assert_eq!(closed_loop(1, 0.0, &[0.010, 0.020]).response_time, 0.030);
    }

    #[test]
    fn held_threads_bound_the_caller() {
        check("threads", held_caller_throughput(8, 0.020, 8, 0.010), 266.67, 5);
        check("callee", held_caller_throughput(64, 0.020, 8, 0.010), 800.0, 12);
    }
}
