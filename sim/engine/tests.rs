//! Whole runs small enough to reason about.

use std::sync::atomic::AtomicBool;

use super::run;
use crate::index::{Idx, IndexVec};
use crate::kernel::dist::Dist;
use crate::mesh::model::*;
use crate::mesh::scenario::*;
use crate::program::compile;
use crate::units::{Bytes, Cores, Rate, Ratio, Span};

fn constant(v: f64) -> Dist { Dist::constant(v).unwrap() }

fn service(name: &str, calls: &[u32]) -> Service {
    Service {
        name: name.into(), namespace: "default".into(), replicas: 1, protocol: Protocol::Http1, workers: Some(1), hold_workers: false,
        discipline: Discipline::Fifo, queue_limit: None, resources: Resources::default(), memory: Bytes::ZERO, client: Client::default(),
        balancing: None, injected: true,
        operations: [Operation {
            name: "default".into(), service_time: Dist::exponential(5e6).unwrap(), cpu_time: CpuTime::Share(Ratio::ONE), request_size: constant(128.0), response_size: constant(1024.0),
            error_ratio: Ratio::ZERO,
            script: calls.iter().map(|&c| Step::Call(Call { service: ServiceIdx(c), operation: OperationIdx(0), probability: Ratio::ONE, count: 1, request_size: None, timeout: None, optional: false })).collect(),
        }].into_iter().collect(),
    }
}

fn proxy() -> ProxyModel {
    let t = |us| TraversalCost { outbound: Span::from_micros(us), inbound: Span::from_micros(us) };
    ProxyModel {
        workers: 2, dispatch: Dispatch::Pinned, http1: t(43), http2: t(43), grpc: t(43), tcp: t(14), response_ratio: 0.5, cpu_per_byte: 0.0, tls_cpu: Span::ZERO, tls_cpu_per_byte: 0.0, feature_cpu: Span::ZERO, feature_cpu_per_byte: 0.0,
        cpu_scv: 0.0, wake: WakeCost { floor: Span::from_micros(58), rise: Span::from_micros(220), tau: Span::from_millis(10), thread: Span::ZERO, before_ratio: Ratio::new(0.5).unwrap() },
        idle_cpu: Cores::new(0.003).unwrap(), pass_delay: Span::from_micros(30),
        upstream: UpstreamModel { upgrade_http1: false, max_streams: 1024, pool_per_worker: true, handshake_round_trips: 2.0, handshake_client_cpu: Span::from_micros(500), handshake_server_cpu: Span::from_micros(500), idle_timeout: Span::from_seconds(3600) },
        request_overhead: Bytes::new(500), response_overhead: Bytes::new(300), balancing: BalancingPolicy::LeastRequest, tcp_balancing: BalancingPolicy::PerConnection, ewma_default: Span::from_millis(30), ewma_decay: Span::from_seconds(10),
        memory: MemoryModel { base: 5e7, per_worker: 0.0, per_listener: 0.0, per_route: 0.0, per_cluster: 5e4, per_cluster_worker: 0.0, per_endpoint: 0.0, per_connection: 2e4, per_request: 1e4, view: ConfigurationView::Everything },
        cpu_request: None, cpu_limit: None, memory_request: None, memory_limit: None,
    }
}

#[test]
fn smoke() {
    let services: IndexVec<ServiceIdx, Service> = [service("a", &[1]), service("b", &[2]), service("c", &[])].into_iter().collect();
    let scenario = Scenario {
        name: "t".into(), services,
        sources: [TrafficSource { name: "a".into(), service: ServiceIdx::at(0), operation: OperationIdx(0), from: Origin::Outside, arrivals: Arrivals::Poisson { rate: Rate::per_second(100.0).unwrap() }, headers: vec![], timeout: None }].into_iter().collect(),
        cluster: Cluster { network_delay: constant(50e3), outside_delay: constant(0.0), bandwidth: None, cpu_speed: 1.0, core_sets: vec![] },
        run: RunSettings { warm_up: Span::from_seconds(5), duration: Span::from_seconds(2000), drain_limit: Span::from_seconds(60), replications: 10, precision: None, seed: 1 },
        slos: vec![],
    };
    for sidecar in [None, Some(proxy())] {
        let mesh = MeshModel { name: "m".into(), title: String::new(), sidecar, gateway: proxy(), direct: DirectModel { balancing: BalancingPolicy::PerConnection, handshake_round_trips: 1.0, idle_timeout: Span::from_seconds(90) } };
        let program = compile(&scenario, &mesh);
        let start = std::time::Instant::now();
        let record = run(&program, 0, &AtomicBool::new(false)).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let e = &record.entries[0];
        eprintln!("mean {:.3} ms p50 {:.3} n {} events/req {:.2} {:.0} req/s parts {:?}", e.succeeded.mean() / 1e6, e.succeeded.value_at_quantile(0.5) as f64 / 1e6, e.arrived, record.events as f64 / record.requests as f64, record.requests as f64 / seconds, e.parts.map(|p| p / e.arrived));
        eprintln!("{:?}", record.proxies);
    }
}
