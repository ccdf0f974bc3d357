//! What several tests need: a scenario from text, a mesh by name.

use sim::diag::Style;
use sim::input::Options;
use sim::mesh::model::{ConnectionCost, ConnectionCpu, ProxyModel, TraversalCost};
use sim::mesh::profile::find;
use sim::mesh::{MeshModel, Scenario, validate};
use sim::units::Span;

/// The scenario that a text describes.
pub(crate) fn scenario(text: &str) -> Scenario {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scenario.yaml");
    std::fs::write(&file, text).expect("a writable temporary folder");
    load(&file)
}

/// The scenario of a file.
pub(crate) fn load(file: &std::path::Path) -> Scenario {
    let (draft, sources, mut diagnostics) = sim::input::load(&[file.to_path_buf()], &Options::default());
    validate(&draft, &mut diagnostics)
        .unwrap_or_else(|| panic!("{}", diagnostics.render(&sources, Style::Plain)))
}

/// A shipped mesh.
pub(crate) fn mesh(name: &str) -> MeshModel {
    mesh_with(name, &[])
}

/// A shipped mesh with some of its values replaced.
pub(crate) fn mesh_with(name: &str, overrides: &[(&str, &str)]) -> MeshModel {
    let mut profile = find(name, None).unwrap_or_else(|problem| panic!("{}", problem.message));
    for (path, value) in overrides {
        profile
            .set(path, value, None)
            .unwrap_or_else(|problem| panic!("{path}={value}: {}", problem.message));
    }
    profile.model(2)
}

/// Sidecars that cost neither CPU nor time, and balance with two distinct choices.
pub(crate) fn free_proxies() -> MeshModel {
    let mut mesh = mesh("istio-sidecar");
    if let Some(proxy) = &mut mesh.sidecar {
        make_free(proxy);
    }
    mesh
}

/// Linkerd's sidecars, at no cost.
pub(crate) fn free_linkerd() -> MeshModel {
    let mut mesh = mesh("linkerd");
    if let Some(proxy) = &mut mesh.sidecar {
        make_free(proxy);
    }
    mesh
}

/// Node proxies, and waypoints if there are any, that cost neither CPU nor time.
pub(crate) fn free_ambient(name: &str) -> MeshModel {
    let mut mesh = mesh(name);
    if let Some(node) = &mut mesh.node_proxy {
        make_free(&mut node.proxy);
    }
    if let Some(waypoint) = &mut mesh.waypoint {
        make_free(&mut waypoint.proxy);
    }
    mesh
}

fn make_free(proxy: &mut ProxyModel) {
    let zero = Span::ZERO;
    let free = TraversalCost { outbound: zero, inbound: zero };
    proxy.workers = 1;
    (proxy.http1, proxy.http2, proxy.grpc, proxy.tcp) = (free, free, free, free);
    let free = ConnectionCpu { opening: zero, closing: zero };
    proxy.connection = ConnectionCost { outbound: free, inbound: free };
    proxy.cpu_per_byte = 0.0;
    proxy.tls_cpu = zero;
    proxy.tls_cpu_per_byte = 0.0;
    proxy.feature_cpu = zero;
    proxy.feature_cpu_per_byte = 0.0;
    proxy.wake.floor = zero;
    proxy.wake.rise = zero;
    proxy.wake.thread = zero;
    proxy.pass_delay = zero;
    proxy.upstream.handshake_client_cpu = zero;
    proxy.upstream.handshake_server_cpu = zero;
}

/// Checks a committed generated file, or writes it when `SIM_BLESS` is set.
pub(crate) fn blessed(path: &str, text: &str) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("SIM_BLESS").is_some() {
        std::fs::write(&file, text).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == text,
        "{path} is out of date: run the tests with SIM_BLESS=1, read what changed, commit it"
    );
}
