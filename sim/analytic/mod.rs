//! Queueing theory in closed form: what the simulator is verified against, and what `plan` computes without simulating.
//!
//! Times are in seconds, rates per second, utilizations and probabilities in [0, 1]. Servers are exponential and FIFO
//! and arrivals Poisson unless a function says otherwise. A formula asked for a case where it has no finite value
//! (utilization 1 and above) gives infinity.

pub mod balancing;
pub mod networks;
pub mod stations;

/// Whether two numbers agree to `digits` significant digits, as printed in a table.
#[cfg(test)]
fn agrees(value: f64, printed: f64, digits: i32) -> bool {
    let unit =
        libm::pow(10.0, f64::from(1 - digits)) * libm::pow(10.0, libm::floor(libm::log10(printed.abs())));
    (value - printed).abs() <= 0.500_001 * unit
}
