//! Single stations.
//!
//! Sources: L. Kleinrock, Queueing Systems I (1975); D. Gross, J. Shortle, J. Thompson, C. Harris, Fundamentals of
//! Queueing Theory (4th ed., 2008); P. Welch, On a generalized M/G/1 queueing process in which the first customer of
//! each busy period receives exceptional service (Operations Research 12, 1964).

/// An M/M/c queue: Poisson arrivals, `servers` exponential servers, one FIFO queue without bound. With one server,
/// M/M/1.
///
/// ```
/// use sim::analytic::stations::Mmc;
///
/// let queue = Mmc { arrival_rate: 80.0, service_rate: 100.0, servers: 1 };
/// assert!((queue.mean_response() - 0.050).abs() < 1e-12); // 1/(100 − 80)
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mmc {
    /// Arrivals per second.
    pub arrival_rate: f64,
    /// Services per second and server.
    pub service_rate: f64,
    /// Number of servers, at least one.
    pub servers: u32,
}

impl Mmc {
    /// The share of time in which a server is busy; 1 and above: the queue grows without bound.
    pub fn utilization(self) -> f64 {
        self.offered_load() / f64::from(self.servers)
    }

    /// The probability that an arrival has to wait (Erlang's C formula, from B: Gross et al., section 2.3).
    pub fn wait_probability(self) -> f64 {
        let utilization = self.utilization();
        if utilization >= 1.0 {
            return 1.0;
        }
        let blocking = erlang_b(self.servers, self.offered_load());
        blocking / (1.0 - utilization * (1.0 - blocking))
    }

    /// Mean time in the queue, in seconds: C/(cμ − λ).
    pub fn mean_wait(self) -> f64 {
        let spare = f64::from(self.servers) * self.service_rate - self.arrival_rate;
        if spare <= 0.0 { f64::INFINITY } else { self.wait_probability() / spare }
    }

    /// Mean time in queue and service, in seconds.
    pub fn mean_response(self) -> f64 {
        self.mean_wait() + 1.0 / self.service_rate
    }

    /// P(response time > `seconds`): a service, preceded with probability C by an exponential wait of rate cμ − λ.
    pub fn response_tail(self, seconds: f64) -> f64 {
        if self.utilization() >= 1.0 {
            return 1.0;
        }
        let served = self.service_rate * seconds;
        // (cμ − λ)/μ − 1, where the two rates of the sum coincide.
        let excess = f64::from(self.servers) - self.offered_load() - 1.0;
        let waited =
            if (excess * served).abs() < 1e-9 { served } else { -libm::expm1(-excess * served) / excess };
        libm::exp(-served) * (1.0 + self.wait_probability() * waited)
    }

    /// The `p`-quantile of the response time, in seconds.
    ///
    /// # Panics
    /// When `p` is outside [0, 1).
    pub fn response_quantile(self, p: f64) -> f64 {
        assert!((0.0..1.0).contains(&p), "a quantile lies between 0 and 1, not {p}");
        if self.utilization() >= 1.0 {
            return f64::INFINITY;
        }
        let (mut low, mut high) = (0.0, 1.0 / self.service_rate);
        while self.response_tail(high) > 1.0 - p {
            (low, high) = (high, 2.0 * high);
        }
        loop {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                return high;
            }
            if self.response_tail(middle) > 1.0 - p { low = middle } else { high = middle }
        }
    }

    /// Arrivals per service time, in Erlang.
    fn offered_load(self) -> f64 {
        self.arrival_rate / self.service_rate
    }
}

/// The probability that all of `servers` are busy when there is no queue (Erlang's B formula, by its recursion in the
/// number of servers), for any service time distribution. `load` is in Erlang: arrivals per mean service time.
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |blocking, servers| load * blocking / (f64::from(servers) + load * blocking))
}

/// Mean wait in an M/G/1 queue, in seconds (Pollaczek and Khinchine): ρS(1 + scv)/(2(1 − ρ)), with `scv` the squared
/// coefficient of variation of the service time.
pub fn mg1_mean_wait(utilization: f64, service_time: f64, scv: f64) -> f64 {
    if utilization >= 1.0 {
        return f64::INFINITY;
    }
    utilization * service_time * (1.0 + scv) / (2.0 * (1.0 - utilization))
}

/// The probability that an arrival is lost by an M/M/1/K queue, which holds `places` requests, the one in service
/// included. `load` may exceed 1.
pub fn mm1k_loss(load: f64, places: u32) -> f64 {
    // (1 − ρ)ρ^K/(1 − ρ^(K+1)), as a sum that is also right at ρ = 1 and does not overflow.
    let mut loss = 1.0;
    for _ in 0..places {
        loss = load * loss / (1.0 + load * loss);
    }
    loss
}

/// Mean response time of an M/G/1 queue with processor sharing, in seconds, for any service time distribution:
/// S/(1 − ρ).
pub fn processor_sharing_mean_response(utilization: f64, service_time: f64) -> f64 {
    if utilization >= 1.0 { f64::INFINITY } else { service_time / (1.0 - utilization) }
}

/// A setup (cold start, wake-up) that the first arrival at an idle server waits for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Setup {
    /// Mean, in seconds.
    pub mean: f64,
    /// Mean of the square, in seconds².
    pub mean_square: f64,
}

impl Setup {
    /// An exponential setup.
    pub const fn exponential(mean: f64) -> Self {
        Self { mean, mean_square: 2.0 * mean * mean }
    }

    /// A setup that always takes the same time.
    pub const fn constant(seconds: f64) -> Self {
        Self { mean: seconds, mean_square: seconds * seconds }
    }

    /// Mean response time of an M/M/1 queue with this setup, in seconds (Welch 1964):
    /// 1/(μ − λ) + (2E\[A\] + λE\[A²\])/(2(1 + λE\[A\])).
    pub fn mean_response(self, arrival_rate: f64, service_rate: f64) -> f64 {
        if arrival_rate >= service_rate {
            return f64::INFINITY;
        }
        let delay =
            (2.0 * self.mean + arrival_rate * self.mean_square) / (2.0 * (1.0 + arrival_rate * self.mean));
        1.0 / (service_rate - arrival_rate) + delay
    }

    /// The probability that an arrival finds the server idle: (1 − ρ)/(1 + λE\[A\]), for a busy period lasts
    /// (E\[A\] + S)/(1 − ρ) on average.
    pub fn idle_probability(self, arrival_rate: f64, service_rate: f64) -> f64 {
        (1.0 - arrival_rate / service_rate).max(0.0) / (1.0 + arrival_rate * self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::super::agrees;
    use super::*;

    fn check(what: &str, value: f64, printed: f64, digits: i32) {
        assert!(agrees(value, printed, digits), "{what}: {value} is not {printed}");
    }

    #[test]
    fn mm1_has_an_exponential_response_time() {
        for (load, mean, p50, p99) in
            [(0.5, 20.0, 13.863, 92.103), (0.7, 33.333, 23.105, 153.506), (0.8, 50.0, 34.657, 230.259)]
        {
            let queue = Mmc { arrival_rate: 100.0 * load, service_rate: 100.0, servers: 1 };
            check("mean", 1e3 * queue.mean_response(), mean, 5);
            check("p50", 1e3 * queue.response_quantile(0.5), p50, 5);
            check("p99", 1e3 * queue.response_quantile(0.99), p99, if p99 < 100.0 { 5 } else { 6 });
            check("wait probability", queue.wait_probability(), load, 12);
        }
    }

    #[test]
    fn mmc_follows_erlang_c() {
        for (servers, load, c, wait, response, p99) in [
            (2, 0.8, 0.71111, 17.778, 27.778, 119.374),
            (4, 0.8, 0.59643, 7.4554, 17.455, 68.932),
            (8, 0.9, 0.70153, 8.7692, 18.769, 70.873),
            (16, 0.9, 0.59134, 3.6959, 13.696, 52.698),
        ] {
            let queue = Mmc { arrival_rate: 100.0 * load * f64::from(servers), service_rate: 100.0, servers };
            check("wait probability", queue.wait_probability(), c, 5);
            check("wait", 1e3 * queue.mean_wait(), wait, 5);
            check("response", 1e3 * queue.mean_response(), response, 5);
            check("p99", 1e3 * queue.response_quantile(0.99), p99, if p99 < 100.0 { 5 } else { 6 });
        }
    }

    #[test]
    fn the_tail_is_smooth_where_its_two_rates_coincide() {
        let tail = |arrival_rate| Mmc { arrival_rate, service_rate: 1.0, servers: 2 }.response_tail(3.0);
        assert!((tail(1.0) - tail(1.0 + 1e-7)).abs() < 1e-6 && (tail(1.0) - tail(1.0 - 1e-7)).abs() < 1e-6);
    }

    #[test]
    fn the_wait_of_mg1_grows_with_variability() {
        for (scv, wait) in [(0.0, 20.0), (0.25, 25.0), (1.0, 40.0), (4.0, 100.0)] {
            check("wait", 1e3 * mg1_mean_wait(0.8, 0.010, scv), wait, 12);
        }
    }

    #[test]
    fn losses_are_those_of_the_tables() {
        check("ρ .8", mm1k_loss(0.8, 10), 0.023_493, 5);
        check("ρ 1.5", mm1k_loss(1.5, 10), 0.337_232, 6);
        check("ρ 1", mm1k_loss(1.0, 10), 1.0 / 11.0, 12);
        check("10 servers", erlang_b(10, 8.0), 0.121_661, 6);
        check("100 servers", erlang_b(100, 90.0), 0.026_957, 5);
    }

    #[test]
    fn processor_sharing_depends_on_the_load_alone() {
        check("ρ .5", 1e3 * processor_sharing_mean_response(0.5, 0.010), 20.0, 12);
        check("ρ .8", 1e3 * processor_sharing_mean_response(0.8, 0.010), 50.0, 12);
    }

    #[test]
    fn a_cold_start_is_paid_by_the_first_and_by_those_behind() {
        check("exponential", 1e3 * Setup::exponential(0.1).mean_response(50.0, 100.0), 120.0, 12);
        check("none", 1e3 * Setup::constant(0.0).mean_response(50.0, 100.0), 20.0, 12);
        check("idle", Setup::constant(0.02).idle_probability(50.0, 100.0), 0.25, 12);
    }

    #[test]
    fn an_overloaded_queue_has_no_mean() {
        let queue = Mmc { arrival_rate: 100.0, service_rate: 100.0, servers: 1 };
        assert_eq!(
            (queue.mean_wait(), queue.response_quantile(0.5), queue.response_tail(9.0)),
            (f64::INFINITY, f64::INFINITY, 1.0)
        );
        assert_eq!(
            (mg1_mean_wait(1.0, 1.0, 1.0), processor_sharing_mean_response(1.2, 1.0)),
            (f64::INFINITY, f64::INFINITY)
        );
        assert_eq!(Setup::constant(1.0).mean_response(2.0, 1.0), f64::INFINITY);
    }
}
