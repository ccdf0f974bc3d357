//! One request through idle proxies, against the sum of everything it meets, worked out from the mesh's numbers.

use sim::mesh::MeshModel;
use sim::mesh::model::ProxyModel;
use sim::metrics::RunRecord;

use super::run;
use crate::common::{mesh, mesh_with};

/// What every request of these scenarios asks for.
pub(super) const REQUEST: f64 = 512.0;
pub(super) const RESPONSE: f64 = 1024.0;
pub(super) const SERVICE_TIME: f64 = 5e6;
pub(super) const NETWORK: f64 = 50e3;
pub(super) const OUTSIDE: f64 = 200e3;
/// Of 1 Gbit/s.
pub(super) const NANOS_PER_BYTE: f64 = 8.0;

fn scenario(from: &str) -> String {
    format!(
        "cluster: {{network_delay: 50us, outside_delay: 200us, bandwidth: 1Gbit/s}}\nservices:\n  - {{name: a, service_time: 5ms, request_size: 512, response_size: 1KiB}}\ntraffic:\n  - {{name: users, service: a, from: {from}, arrivals: {{trace: [1s, 3s]}}}}\n"
    )
}

/// Response times of the first request, which opens the connections, and of the second.
fn simulated(mesh: &MeshModel, from: &str) -> [u64; 2] {
    two_requests(&run(mesh, 0, 4_000, &scenario(from)))
}

pub(super) fn two_requests(record: &RunRecord) -> [u64; 2] {
    record.entries[0].halves.map(|(count, total)| {
        assert_eq!(count, 1);
        total
    })
}

/// One worker on one core, in nanoseconds.
pub(super) struct Core<'a> {
    pub(super) proxy: &'a ProxyModel,
    free_at: f64,
}

impl<'a> Core<'a> {
    pub(super) fn new(proxy: &'a ProxyModel) -> Self {
        Self { proxy, free_at: 0.0 }
    }

    /// When a job is done: half of the wake-up comes before it, the rest keeps the core busy after it.
    pub(super) fn job(&mut self, now: f64, cpu: f64) -> f64 {
        let wake = &self.proxy.wake;
        let nanos = |span: sim::units::Span| span.nanos() as f64;
        let cost = if self.free_at <= now {
            let risen = 1.0 - libm::exp(-(now - self.free_at) / nanos(wake.tau));
            nanos(wake.floor) + nanos(wake.rise) * risen
        } else {
            0.0
        };
        let done = now.max(self.free_at) + cost * wake.before_ratio.value() + cpu;
        self.free_at = done + cost * (1.0 - wake.before_ratio.value());
        done
    }

    /// When a message has passed the proxy.
    pub(super) fn pass(&mut self, now: f64, base: sim::units::Span, tls: bool, response: bool) -> f64 {
        self.pass_after(now, base, tls, response, 0.0)
    }

    /// The same, if it takes so much CPU for something else first.
    fn pass_after(
        &mut self,
        now: f64,
        base: sim::units::Span,
        tls: bool,
        response: bool,
        before: f64,
    ) -> f64 {
        let proxy = self.proxy;
        let whole = base.nanos() + proxy.feature_cpu.nanos() + if tls { proxy.tls_cpu.nanos() } else { 0 };
        let share = if response { proxy.response_ratio } else { 1.0 - proxy.response_ratio };
        let per_byte =
            proxy.cpu_per_byte + proxy.feature_cpu_per_byte + if tls { proxy.tls_cpu_per_byte } else { 0.0 };
        let bytes = if response { RESPONSE } else { REQUEST };
        self.job(now, before + whole as f64 * share + per_byte * bytes) + proxy.pass_delay.nanos() as f64
    }
}

/// The two response times in nanoseconds, the first of which opens all connections: `edge` is how far the user is from the first proxy or, without one, from the
/// service; `leg` how far the caller is from the service.
pub(super) fn by_hand(
    outbound: Option<&ProxyModel>,
    inbound: Option<&ProxyModel>,
    edge: f64,
    leg: f64,
    trips: f64,
) -> [f64; 2] {
    let tls = outbound.is_some() && inbound.is_some();
    // Mesh headers and TLS records are between two proxies.
    let overhead =
        |size: fn(&ProxyModel) -> u64| outbound.filter(|_| tls).map_or(0, size) as f64 * NANOS_PER_BYTE;
    let mut client = outbound.map(Core::new);
    let mut server = inbound.map(Core::new);
    [(1e9, true), (3e9, false)].map(|(sent, opens)| {
        let mut now = sent + edge;
        if let Some(core) = &mut client {
            let accepting = if opens { core.proxy.connection.outbound.opening.nanos() as f64 } else { 0.0 };
            now = core.pass_after(now, core.proxy.http1.outbound, tls, false, accepting);
        }
        if opens {
            if let (Some(core), true) = (&mut client, tls) {
                now = core.job(now, core.proxy.upstream.handshake_client_cpu.nanos() as f64);
            }
            now += leg * (2.0 * trips - 1.0);
            if let Some(core) = &mut server {
                let upstream = &core.proxy.upstream;
                let cpu =
                    if tls { upstream.handshake_server_cpu } else { core.proxy.connection.inbound.opening };
                now = core.job(now, cpu.nanos() as f64);
            }
            now += leg;
        }
        now += leg + REQUEST * NANOS_PER_BYTE + overhead(|proxy| proxy.request_overhead.value());
        if let Some(core) = &mut server {
            now = core.pass(now, core.proxy.http1.inbound, tls, false);
        }
        now += SERVICE_TIME;
        if let Some(core) = &mut server {
            now = core.pass(now, core.proxy.http1.inbound, tls, true);
        }
        now += leg + RESPONSE * NANOS_PER_BYTE + overhead(|proxy| proxy.response_overhead.value());
        if let Some(core) = &mut client {
            now = core.pass(now, core.proxy.http1.outbound, tls, true);
        }
        now + edge - sent
    })
}

/// Equal but for the rounding of each piece to a nanosecond.
#[track_caller]
pub(super) fn same(simulated: [u64; 2], by_hand: [f64; 2]) {
    for (simulated, by_hand) in simulated.iter().zip(by_hand) {
        let off = (*simulated as f64 - by_hand).abs();
        assert!(off <= 12.0, "simulated {simulated} ns, by hand {by_hand} ns");
    }
}

/// A mesh whose proxies have one worker and jobs that do not vary.
fn steady(name: &str) -> MeshModel {
    let mut mesh = if name == "none" { mesh(name) } else { mesh_with(name, &[("proxy.workers", "1")]) };
    mesh.gateway.workers = 1;
    mesh.gateway.cpu_scv = 0.0;
    if let Some(proxy) = &mut mesh.sidecar {
        proxy.cpu_scv = 0.0;
    }
    mesh
}

#[test]
fn without_a_mesh_there_is_the_network_alone() {
    let mesh = steady("none");
    same(simulated(&mesh, "outside"), by_hand(None, None, 0.0, OUTSIDE, 1.0));
    same(simulated(&mesh, "meshed_client"), by_hand(None, None, 0.0, NETWORK, 1.0));
}

#[test]
fn one_sidecar_takes_plain_text() {
    for name in ["istio-sidecar", "linkerd"] {
        let mesh = steady(name);
        let expected = by_hand(None, mesh.sidecar.as_ref(), 0.0, OUTSIDE, 1.0);
        same(simulated(&mesh, "outside"), expected);
    }
}

#[test]
fn two_sidecars_encrypt() {
    for name in ["istio-sidecar", "linkerd"] {
        let mesh = steady(name);
        let proxy = mesh.sidecar.as_ref();
        same(simulated(&mesh, "meshed_client"), by_hand(proxy, proxy, 0.0, NETWORK, 2.0));
    }
}

#[test]
fn a_gateway_is_a_proxy_more_under_every_mesh() {
    let none = steady("none");
    same(simulated(&none, "gateway:front"), by_hand(Some(&none.gateway), None, OUTSIDE, NETWORK, 1.0));
    let istio = steady("istio-sidecar");
    let expected = by_hand(Some(&istio.gateway), istio.sidecar.as_ref(), OUTSIDE, NETWORK, 2.0);
    same(simulated(&istio, "gateway:front"), expected);
}
