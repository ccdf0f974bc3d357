//! Why rows lie outside their bands.

use super::row::{Quantity, Row};

/// A reason, and the rows it stands for.
pub(super) struct Reason {
    /// The source's name begins so,
    source: &'static str,
    /// and that of the set-up holds one of these.
    setups: &'static [&'static str],
    quantities: &'static [Quantity],
    pub(super) text: &'static str,
}

use Quantity::{Cpu, Memory, P50, P90, P99, Ratio};

#[rustfmt::skip]
pub(super) const REASONS: &[Reason] = &[
    Reason {
        source: "istio.io", setups: &["Istio 1.5", "Istio 1.7", "Istio 1.13"], quantities: &[Cpu],
        text: "The page gives 0.5 core per 1000 rps where the raw data of the same benchmark give 0.27 and 0.29, which the \
               simulator meets (1000 rps with default telemetry); 0.35 came two years later from machines that are not named.",
    },
    Reason {
        source: "istio.io", setups: &["Istio 1.24, ztunnel", "ztunnel to sidecar, CPU", "two ztunnels to sidecars"], quantities: &[Cpu, Ratio],
        text: "The profile's wake-ups are a virtual machine's and the row is from bare metal: nearly nine tenths of a ztunnel's \
               CPU are wake-ups here. With the cheap ones CPU and latency come within a quarter (see \"What waking costs\").",
    },
    Reason {
        source: "istio.io", setups: &["with a waypoint"], quantities: &[P90, P99, Ratio],
        text: "Six passes wake a process each where sidecars have four, and there are two legs of the network more; cheap wake-ups \
               take away two fifths of the distance at p90. The rest is the waypoint's own Envoy: its CPU agrees (0.24 core, published 0.25), \
               and what takes a quarter more CPU than a sidecar takes as long here, where istio.io sees it delay less than one.",
    },
    Reason {
        source: "istio.io", setups: &["Istio 1.20"], quantities: &[P90, P99],
        text: "istio.io contradicts itself: 0.23 and 0.30 ms on this page, 0.63 and 0.88 ms for sidecars on the other, where the \
               simulator agrees. Machines are not named.",
    },
    Reason {
        source: "istio/tools", setups: &[", 10 rps", ", 100 rps", ", 500 rps"], quantities: &[P50, P90, P99],
        text: "At low rates fortio's connections do not meet as exactly as here: the published p50 rises threefold from 100 to 3000 rps, \
               where requests in phase wait alike at every rate. With jittered starts the added p50 without filters comes out at \
               +17 % (100 rps) and -12 % (500 rps).",
    },
    Reason {
        source: "istio/tools", setups: &["64 connections"], quantities: &[P50],
        text: "The published p50 rises up to 8 connections and then no more, since a load generator needs its time to send: 64 \
               requests never meet at once as they do here.",
    },
    Reason {
        source: "istio/tools", setups: &["default telemetry, 100 rps", "CPU, 100 rps to 3000, default"], quantities: &[Cpu, Ratio],
        text: "Requests that arrive in phase share a wake-up here; at 100 rps fortio's partly do not (see the latency of these rows): \
               with jittered starts CPU would be two thirds too high instead (without filters).",
    },
    Reason {
        source: "linkerd/website", setups: &["added p99"], quantities: &[Ratio],
        text: "Istio's p99 was 197 ms at 20 as at 200 rps, eight times its p50: something in that installation stalled for a fifth of a \
               second whatever the load, and no proxy's cost explains it. p50 and p90 agree.",
    },
    Reason {
        source: "linkerd/website", setups: &["largest proxy's memory"], quantities: &[Ratio],
        text: "Published are resident sets with the pages of the binaries, which weigh most where the proxy is small (our idle \
               linkerd2-proxy: 17 of 19 MB); the simulator counts anonymous memory.",
    },
    Reason {
        source: "istio/istio#38000", setups: &["idle"], quantities: &[Memory],
        text: "A resident set with the pages of two binaries (52 of our idle Envoy's 66 MB, and the agent's); the simulator counts \
               anonymous memory.",
    },
    Reason {
        source: "envoyproxy/envoy PR#15231", setups: &["per worker"], quantities: &[Memory],
        text: "2.2 KB are of an Envoy of 2021; we measured 2.83 KiB in Envoy 1.40, and the profile has that.",
    },
    Reason {
        source: "linkerd/linkerd2#4900", setups: &["sockets"], quantities: &[Memory],
        text: "The proxy of 2020 took 27 kB a socket; we measured 15.65 KiB in that of 2026, and the profile has that, with 27 as the \
               upper end of its range.",
    },
    Reason {
        source: "Netcracker", setups: &["limit per node", "idle"], quantities: &[Memory],
        text: "Figures to plan with: 64 and 75 Mi for a process that we saw take 3 and 14 MB of anonymous memory, 18 KiB a host where we \
               measured 1.5, and for a ztunnel half of everything on top.",
    },
];

impl Reason {
    pub(super) fn explains(&self, row: &Row) -> bool {
        row.outside()
            && row.source.starts_with(self.source)
            && self.setups.iter().any(|setup| row.setup.contains(setup))
            && self.quantities.contains(&row.quantity)
    }
}
