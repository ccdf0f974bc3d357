//! The shipped profiles are complete; overrides and a user's own file say what is wrong.

use std::fmt::Write as _;

use super::*;
use crate::diag::{Diagnostics, Sources, Style};
use crate::input::tree::parse;
use crate::mesh::model::{ConfigurationView, ProxyModel};
use crate::units::{Bytes, Span};

fn shipped(name: &str) -> Profile {
    find(name, None).expect("it is shipped")
}

/// Decodes a user's file; what is wrong as rendered text.
fn read(text: &str) -> Result<Profile, String> {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("mine.yaml", text);
    let documents = parse(text, file, &mut diagnostics);
    let profile = decode(&documents[0], &mut diagnostics);
    profile.ok_or_else(|| diagnostics.render(&sources, Style::Plain))
}

fn set(profile: &mut Profile, path: &str, text: &str) {
    profile.set(path, text, None).unwrap_or_else(|problem| panic!("{path}={text}: {}", problem.message));
}

/// Every shipped profile as installed in every way: `linkerd`, `linkerd@ha`.
fn installed() -> impl Iterator<Item = String> {
    names().flat_map(|name| {
        let further = install_profiles(name).into_iter().skip(1);
        std::iter::once(name.to_owned()).chain(further.map(move |install| format!("{name}@{install}")))
    })
}

#[test]
fn every_shipped_profile_is_complete_and_sourced() {
    for name in &installed().collect::<Vec<_>>() {
        let profile = shipped(name);
        assert_eq!(&profile.head.name, name);
        for row in table().rows() {
            assert_eq!(profile.get(&row.path).is_some(), profile.needs(row), "{name} {}", row.path);
        }
        assert_eq!(profile.capabilities().count(), FEATURES.len(), "{name}");
        for (row, setting) in profile.settings() {
            let Provenance { kind, source, date, origin, .. } = setting.provenance();
            assert!(source.len() > 5 && !date.is_empty(), "{name} {}", row.path);
            assert!(*kind != Kind::Given && origin.is_none(), "{name} {}", row.path);
        }
        for (feature, answer) in profile.capabilities() {
            assert!(!answer.source.is_empty() && !answer.version.is_empty(), "{name} {}", feature.name);
        }
    }
}

#[test]
fn every_profile_states_its_versions_and_its_installation() {
    let mut seen = Vec::new();
    for name in installed() {
        let Head { title, mesh_version, proxy_version, kubernetes_version, install_profile, .. } =
            shipped(&name).head;
        assert!(kubernetes_version.starts_with("1."), "{name}: Kubernetes {kubernetes_version}");
        let has_number = |text: &str| text.chars().any(|letter| letter.is_ascii_digit());
        assert!(name == "none" || has_number(&mesh_version), "{name}: {mesh_version}");
        assert!(name == "none" || has_number(&proxy_version), "{name}: {proxy_version}");
        assert_eq!(install_profile, name.split_once('@').map_or("default", |(_, install)| install));
        assert!(!seen.contains(&title), "{name} is titled as another one");
        seen.push(title);
    }
    assert_eq!(seen.len(), 9, "five meshes, four of them for high availability too");
}

#[test]
fn every_guess_has_a_range() {
    for name in &installed().collect::<Vec<_>>() {
        for (path, quantity) in shipped(name).numbers() {
            // A list of rules is the user's; a ratio of samples the installation's.
            let is_configuration =
                ["rules", "sampled_ratio"].contains(&path.rsplit('.').next().unwrap_or(path));
            if quantity.provenance.kind == Kind::Assumed && !is_configuration {
                assert!(quantity.low < quantity.high, "{name} {path}");
            }
        }
    }
}

#[test]
fn shipped_profiles_print_as_they_should() {
    for name in names() {
        insta::assert_snapshot!(name, printed(&shipped(name)));
    }
}

fn printed(profile: &Profile) -> String {
    let mut text = format!("{:?}\n\n", profile.summary());
    for row in profile.setting_rows() {
        let (path, value, range, kind, date) = (row.path, row.value, row.range, row.kind, row.date);
        let line = format!("{path:<52} {value:<16} {range:<28} {kind:<11} {date:<8} {}", row.change);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    for row in profile.capability_rows() {
        let (feature, by, per, support) = (row.feature, row.enforced_by, row.per, row.support);
        let line = format!("{feature:<24} {by:<13} {per:<10} {support:<15} {}", row.change);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[test]
fn another_installation_changes_what_its_charts_change() {
    let mut text = String::new();
    for name in installed().filter(|name| name.contains('@')) {
        let (mesh, _) = name.split_once('@').expect("it has an installation");
        let (before, after) = (printed(&shipped(mesh)), printed(&shipped(&name)));
        let mut before = before.lines().skip(1);
        for line in after.lines().skip(1) {
            if before.next() != Some(line) {
                let _ = writeln!(text, "{name}: {line}");
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_installation_that_is_not_known_is_refused() {
    let problem = |name: &str| {
        let problem = find(name, None).expect_err("it is wrong");
        format!("{}; {}", problem.message, problem.hint.unwrap_or_default())
    };
    assert_eq!(
        problem("linkerd@big"),
        "`linkerd` is not installed as `big`; it is installed as default or ha"
    );
    assert_eq!(problem("none@ha"), "`none` is not installed as `ha`; it is installed as default");
    assert!(problem("linkrd@ha").starts_with("there is no profile `linkrd`"));
    assert_eq!(shipped("linkerd@default"), shipped("linkerd"));
}

#[test]
fn an_ambient_mesh_has_proxies_on_its_nodes() {
    let (ambient, waypoint) = (shipped("istio-ambient").model(4), shipped("istio-ambient-waypoint").model(4));
    assert!(ambient.sidecar.is_none() && ambient.waypoint.is_none());
    let ztunnel = ambient.node_proxy.expect("one on every node");
    assert_eq!(waypoint.node_proxy.as_ref(), Some(&ztunnel), "waypoints change no ztunnel");
    assert_eq!((ztunnel.tunnel.streams, ztunnel.tunnel.idle_timeout), (100, Span::from_seconds(300)));
    assert_eq!(ztunnel.proxy.http1, ztunnel.proxy.tcp, "HTTP is opaque to it");
    assert_eq!(ztunnel.proxy.memory_request, Some(Bytes::new(512 << 20)));
    let cni = &ambient.daemons[0];
    assert_eq!((ambient.daemons.len(), cni.name.as_str()), (1, "cni"));
    assert_eq!(cni.memory_request, Some(Bytes::new(100 << 20)));
    assert_eq!(ambient.gateway, shipped("istio-sidecar").model(4).gateway);

    let waypoint = waypoint.waypoint.expect("it has waypoints");
    let sidecar = shipped("istio-sidecar").model(4).sidecar.expect("it has sidecars");
    assert_eq!(waypoint.replicas, 1);
    let work = |proxy: &ProxyModel| proxy.http1.outbound + proxy.feature_cpu + proxy.tls_cpu;
    assert!(work(&waypoint.proxy) > work(&sidecar), "it opens one tunnel and fills another");
    assert!(work(&waypoint.proxy) < work(&sidecar) + work(&sidecar), "but does the work of HTTP once");
}

#[test]
fn a_ztunnel_takes_a_quarter_of_its_node() {
    let workers =
        |profile: &Profile, cores| profile.model(cores).node_proxy.expect("it has one").proxy.workers;
    let mut profile = shipped("istio-ambient");
    assert_eq!([1, 4, 8, 16, 64].map(|cores| workers(&profile, cores)), [2, 2, 2, 4, 16]);
    set(&mut profile, "node_proxy.cpu_request", "6");
    assert_eq!([4, 64].map(|cores| workers(&profile, cores)), [6, 16]);
    set(&mut profile, "node_proxy.cpu_limit", "8");
    assert_eq!([4, 64].map(|cores| workers(&profile, cores)), [8, 8]);
    set(&mut profile, "node_proxy.workers", "1");
    assert_eq!(workers(&profile, 64), 1);
}

#[test]
fn features_can_be_switched_off_down_to_the_bare_proxy() {
    let mut profile = shipped("istio-sidecar");
    let on = profile.model(8).sidecar.expect("it has sidecars");
    assert_eq!(on.feature_cpu, Span::from_micros(37));
    assert!(on.tls_cpu > Span::ZERO && on.tls_cpu_per_byte > 0.0);
    for feature in ["telemetry", "metadata_exchange", "mtls"] {
        set(&mut profile, &format!("features.{feature}"), "off");
    }
    let model = profile.model(8);
    let off = model.sidecar.expect("it has sidecars");
    assert_eq!((off.feature_cpu, off.tls_cpu, off.tls_cpu_per_byte), (Span::ZERO, Span::ZERO, 0.0));
    assert_eq!(off.upstream.handshake_round_trips, 1.0);
    assert_eq!(off.upstream.handshake_client_cpu, Span::ZERO);
    assert_eq!(off.request_overhead, Bytes::new(180));
    assert!(on.request_overhead > off.request_overhead);
    assert!(on.memory.per_connection > off.memory.per_connection);
    assert!(model.gateway.feature_cpu > Span::ZERO, "the gateway is another proxy");
}

#[test]
fn enabled_features_add_up() {
    let mut profile = shipped("istio-sidecar");
    for feature in ["access_log", "tracing", "wasm", "authorization"] {
        set(&mut profile, &format!("features.{feature}"), "on");
    }
    set(&mut profile, "proxy.features.authorization.rules", "100");
    set(&mut profile, "proxy.features.tracing.sampled_ratio", "10%");
    let proxy = profile.model(8).sidecar.expect("it has sidecars");
    // 25 + 12 + 10 + 100·0.06 + 0.1·30 + 4·11 µs
    assert_eq!(proxy.feature_cpu, Span::from_micros(100));
    assert!((proxy.feature_cpu_per_byte - 1.3).abs() < 1e-9);
}

#[test]
fn workers_follow_the_cpu_limit_unless_they_are_set() {
    let workers = |profile: &Profile| profile.model(8).sidecar.expect("it has sidecars").workers;
    let mut profile = shipped("istio-sidecar");
    assert_eq!(workers(&profile), 2);
    set(&mut profile, "proxy.cpu_limit", "2500m");
    assert_eq!(workers(&profile), 3);
    set(&mut profile, "proxy.cpu_limit", "none");
    assert_eq!(workers(&profile), 8);
    set(&mut profile, "proxy.workers", "4");
    set(&mut profile, "proxy.cpu_limit", "500m");
    assert_eq!(workers(&profile), 4);
    set(&mut profile, "proxy.workers", "from_cpu_limit");
    assert_eq!(workers(&profile), 1);
    assert_eq!(shipped("linkerd").model(8).sidecar.expect("it has sidecars").workers, 1);
}

#[test]
fn meshes_differ_where_they_should() {
    let (none, istio, linkerd) =
        (shipped("none").model(4), shipped("istio-sidecar").model(4), shipped("linkerd").model(4));
    assert!(none.sidecar.is_none());
    assert_eq!(none.direct, linkerd.direct);
    assert_eq!(none.gateway.http1, istio.gateway.http1);
    assert_eq!(none.gateway.feature_cpu, Span::ZERO);
    let (istio, linkerd) = (istio.sidecar.expect("one"), linkerd.sidecar.expect("one"));
    assert_eq!(istio.memory.view, ConfigurationView::Everything);
    assert_eq!(linkerd.memory.view, ConfigurationView::Used);
    assert!(linkerd.upstream.upgrade_http1 && !istio.upstream.upgrade_http1);
    assert_eq!(linkerd.upstream.max_streams, u32::MAX);
    assert_eq!((linkerd.cpu_limit, linkerd.memory_limit), (None, None));
    assert_eq!(istio.memory_limit, Some(Bytes::new(1 << 30)));
    assert_eq!(istio.upstream.idle_timeout, Span::from_seconds(3600));
}

#[test]
fn overrides_are_marked_and_keep_no_range() {
    let mut profile = shipped("istio-sidecar");
    set(&mut profile, "proxy.cpu.http1.outbound", "0.06ms");
    let Some(Setting::Number(quantity)) = profile.get("proxy.cpu.http1.outbound") else {
        panic!("it is a number");
    };
    assert_eq!((quantity.print(), quantity.print_range()), ("0.06 ms".to_owned(), String::new()));
    assert_eq!(quantity.provenance.kind, Kind::Given);
    let proxy = profile.model(1).sidecar.expect("it has sidecars");
    assert_eq!(proxy.http1.outbound, Span::from_micros(60));
}

#[test]
fn wrong_overrides_say_what_would_be_right() {
    let problem = |name: &str, path: &str, text: &str| {
        let before = shipped(name);
        let mut profile = before.clone();
        let problem = profile.set(path, text, None).expect_err("it is wrong");
        assert_eq!(profile, before, "a refused override changes nothing");
        format!("{}; {}", problem.message, problem.hint.unwrap_or_default())
    };
    let all = [
        problem("istio-sidecar", "proxy.worker", "4"),
        problem("istio-sidecar", "proxy.wake", "4us"),
        problem("istio-sidecar", "proxy.workers", "0"),
        problem("istio-sidecar", "proxy.workers", "1.5"),
        problem("istio-sidecar", "proxy.cpu.per_byte", "3us"),
        problem("istio-sidecar", "proxy.cpu.response_ratio", "120%"),
        problem("istio-sidecar", "proxy.dispatch", "random"),
        problem("istio-sidecar", "features.telemetry", "maybe"),
        problem("istio-sidecar", "features.telemetry", "always"),
        problem("linkerd", "features.telemetry", "off"),
        problem("linkerd", "features.wasm", "on"),
        problem("linkerd", "features.wasm.callbacks", "2"),
        problem("linkerd", "control_plane.debounce_max", "1s"),
        problem("none", "proxy.workers", "2"),
        problem("none", "data_plane", "sidecar"),
        problem("istio-sidecar", "node_proxy.workers", "2"),
        problem("istio-ambient", "proxy.workers", "2"),
        problem("istio-ambient", "waypoint.replicas", "2"),
        problem("istio-ambient-waypoint", "waypoint.replicas", "0"),
        problem("istio-ambient", "node_proxy.features.wasm", "on"),
        problem("linkerd", "cni.cpu_request", "1"),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn whatever_is_accepted_can_be_resolved() {
    let texts =
        ["0", "1", "1e9", "1e300", "0.5", "1e300 s", "1 ns", "100%", "1e200 GiB", "on", "off", "none", "∞"];
    for name in names() {
        let original = shipped(name);
        for row in table().rows() {
            let mut accepted = 0;
            for text in row.parameter.words.iter().copied().chain(texts) {
                let mut profile = original.clone();
                if profile.set(&row.path, text, None).is_ok() {
                    profile.model(64);
                    accepted += 1;
                }
            }
            let is_fixed = row.parameter.is_structural() || row.parameter.is_switch();
            assert!(accepted > 0 || is_fixed || !original.needs(row), "{name} {}", row.path);
        }
    }
}

#[test]
fn a_users_file_may_list_only_what_differs() {
    let profile = read(
        "extends: istio-sidecar\nname: big\nproxy:\n  workers: 4\n  features: { telemetry: { enabled: off } }\n",
    )
    .expect("it is right");
    assert_eq!((profile.head.name.as_str(), profile.head.mesh_version.as_str()), ("big", "Istio 1.30"));
    let proxy = profile.model(1).sidecar.expect("it has sidecars");
    assert_eq!((proxy.workers, proxy.feature_cpu), (4, Span::from_micros(12)));
    let origin = profile.get("proxy.workers").and_then(|setting| setting.provenance().origin);
    assert!(origin.is_some(), "a user's value knows its place");
}

#[test]
fn a_users_file_is_told_all_that_is_wrong() {
    let errors = read(
        r"extends: istio-sidecar
name: linkerd
titel: Mine
proxy:
  worker: 4
  cpu:
    http1: 40us
    scv: { value: 2, unit: factor, low: 0, high: 1, kind: measured, date: 2026-11, source: bench }
    per_byte: { value: 1, unit: us, low: 0, high: 1, kind: guessed, date: yesterday }
  wake: { tau: 0 }
control_plane: { update_cpu: 1ms }
capabilities:
  mirrors: { support: native, source: x }
  mirror: { support: extension, source: x }
",
    )
    .expect_err("it is wrong");
    insta::assert_snapshot!(errors);
}

#[test]
fn a_users_file_may_start_from_another_installation() {
    let profile = read("extends: linkerd@ha\nname: big\nproxy: { workers: 2 }\n").expect("it is right");
    let proxy = profile.model(4).sidecar.expect("it has sidecars");
    assert_eq!((proxy.workers, proxy.memory_limit), (2, Some(Bytes::new(250 << 20))));
}

#[test]
fn proxies_stand_only_where_the_data_plane_has_them() {
    let errors = read(
        r"extends: istio-ambient
name: mine
proxy: { workers: 4 }
waypoint: { like: sidecar, replicas: 2 }
node_proxy:
  like: gateway
  tunnel: { streams: 10 }
  workers: { value: 1, unit: count, low: 1, high: 1, kind: measured, date: 2026, source: bench, was: two }
install_profiles: { ha: {} }
",
    )
    .expect_err("it is wrong");
    insta::assert_snapshot!(errors);
}

#[test]
fn a_profile_that_starts_from_nothing_is_told_what_it_needs() {
    let errors =
        read("name: mine\ndata_plane: none\ncontrol_plane: { kind: kube_proxy }\n").expect_err("it is wrong");
    for missing in ["`title`", "`direct.balancing`", "`control_plane.sync_period`", "`retries`"] {
        assert!(errors.contains(missing), "{missing}: {errors}");
    }
    assert!(!errors.contains("`gateway.workers`"), "the gateway is there under every mesh");
    assert!(!errors.contains("`proxy.workers`"), "there are no sidecars: {errors}");
    let errors = read("extends: istio\n").expect_err("it is wrong");
    assert!(errors.contains("there is no profile `istio`"), "{errors}");
}
