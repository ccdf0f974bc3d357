//! Marginals, the Latin property, common numbers across meshes, and what may not be drawn.

use super::super::{Profile, Setting, find, names};
use super::*;

const COUNT: u32 = 16;

fn shipped(name: &str) -> Profile {
    find(name, None).expect("a shipped profile")
}

fn value(profile: &Profile, path: &str) -> f64 {
    match profile.get(path) {
        Some(Setting::Number(quantity)) => quantity.value,
        other => panic!("{path} is {other:?}"),
    }
}

#[test]
fn half_of_the_draws_lie_below_the_value_and_all_within_the_range() {
    for mesh in names() {
        let profile = shipped(mesh);
        let draws: Vec<Profile> = (0..COUNT).map(|number| profile.drawn(7, number, COUNT)).collect();
        for (path, quantity) in profile.numbers() {
            let Quantity { value: nominal, low, high, .. } = *quantity;
            let drawn: Vec<f64> = draws.iter().map(|draw| value(draw, path)).collect();
            assert!(drawn.iter().all(|value| (low..=high).contains(value)), "{mesh} {path}: {drawn:?}");
            let below = drawn.iter().filter(|&&value| value <= nominal).count();
            let above = drawn.iter().filter(|&&value| value >= nominal).count();
            assert!(below >= 8 && above >= 8, "{mesh} {path}: {drawn:?}");
            assert!(low < high || drawn.iter().all(|&value| value == nominal), "{mesh} {path} is exact");
        }
        assert!(draws.iter().all(|draw| draw.model(4).gateway.workers == profile.model(4).gateway.workers));
    }
}

/// Each of N equally likely strata holds one of N draws, and different assumptions have different orders.
#[test]
fn draws_are_a_latin_hypercube() {
    let strata = |identity: &str| -> Vec<u32> {
        (0..COUNT).map(|number| (place(identity, 3, number, COUNT) * f64::from(COUNT)) as u32).collect()
    };
    let orders: Vec<Vec<u32>> = ["a", "b", "c"].map(strata).to_vec();
    for order in &orders {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..COUNT).collect::<Vec<_>>(), "{order:?}");
    }
    assert!(orders[0] != orders[1] && orders[1] != orders[2]);
}

/// Within the strata places are uniform: the mean of many is ½ and a quarter lies below ¼.
#[test]
fn places_are_uniform() {
    let places: Vec<f64> = (0..4000).map(|n| place(&format!("assumption {n}"), 1, 5, COUNT)).collect();
    let share = |limit: f64| places.iter().filter(|&&place| place < limit).count() as f64 / 4000.0;
    for limit in [0.1, 0.25, 0.5, 0.9] {
        // Four standard deviations of a share of 4000.
        assert!((share(limit) - limit).abs() < 4.0 * (limit * (1.0 - limit) / 4000.0_f64).sqrt(), "{limit}");
    }
}

#[test]
fn wide_ranges_are_drawn_in_the_logarithm_and_counts_stay_whole() {
    let row = |path| &table().rows()[table().position(path).expect("a path")];
    let quantity = |low, value, high| {
        let Some(Setting::Number(any)) = shipped("none").get("gateway.wake.tau").cloned() else { panic!() };
        Quantity { value, low, high, ..any }
    };
    let time = row("proxy.wake.tau").parameter;
    let at = |quantity: &Quantity, place| value_at(quantity, time, place);
    let narrow = quantity(1.0, 2.0, 4.0);
    assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|place| at(&narrow, place)), [1.0, 1.5, 2.0, 3.0, 4.0]);
    let wide = quantity(1.0, 100.0, 10_000.0);
    let drawn = [0.0, 0.25, 0.5, 0.75, 1.0].map(|place| at(&wide, place));
    for (got, expected) in drawn.into_iter().zip([1.0, 10.0, 100.0, 1000.0, 10_000.0]) {
        assert!((got / expected - 1.0).abs() < 1e-12, "{drawn:?}");
    }
    let from_nothing = quantity(0.0, 0.0, 50.0);
    assert_eq!([0.2, 0.5, 0.75].map(|place| at(&from_nothing, place)), [0.0, 0.0, 25.0]);
    let workers = row("proxy.workers").parameter;
    assert_eq!([0.0, 0.3, 0.7].map(|place| value_at(&narrow, workers, place)), [1.0, 2.0, 3.0]);
}

#[test]
fn what_meshes_share_is_drawn_alike() {
    let (none, istio, linkerd) = (shipped("none"), shipped("istio-sidecar"), shipped("linkerd"));
    let mut own = 0;
    for number in 0..COUNT {
        let draw = |profile: &Profile| profile.drawn(1, number, COUNT);
        let (none, istio, linkerd) = (draw(&none), draw(&istio), draw(&linkerd));
        for path in ["direct.idle_timeout", "gateway.wake.floor", "gateway.cpu.http1.outbound"] {
            assert_eq!(value(&none, path), value(&istio, path), "{path}");
            assert_eq!(value(&none, path), value(&linkerd, path), "{path}");
        }
        // The sidecar's Envoy is the gateway's, and its two sides were not told apart.
        assert_eq!(value(&istio, "gateway.wake.floor"), value(&istio, "proxy.wake.floor"));
        assert_eq!(value(&istio, "proxy.cpu.http1.outbound"), value(&istio, "proxy.cpu.http1.inbound"));
        own += u32::from(value(&istio, "proxy.wake.floor") != value(&linkerd, "proxy.wake.floor"));
    }
    assert_eq!(own, COUNT, "Linkerd's proxy is its own");
}

#[test]
fn draws_depend_on_seed_and_number_and_on_nothing_else() {
    let istio = shipped("istio-sidecar");
    assert_eq!(istio.drawn(1, 3, COUNT), istio.drawn(1, 3, COUNT));
    assert_ne!(istio.drawn(1, 3, COUNT), istio.drawn(1, 4, COUNT));
    assert_ne!(istio.drawn(1, 3, COUNT), istio.drawn(2, 3, COUNT));
}

#[test]
fn what_the_user_set_is_not_drawn() {
    let mut istio = shipped("istio-sidecar");
    istio.set("proxy.cpu.http1.outbound", "60us", None).expect("it can be set");
    let set = value(&istio, "proxy.cpu.http1.outbound");
    assert!(
        (0..COUNT).all(|number| value(&istio.drawn(1, number, COUNT), "proxy.cpu.http1.outbound") == set)
    );
}

#[test]
fn an_assumption_moves_wherever_it_stands_and_nothing_else_does() {
    let istio = shipped("istio-sidecar");
    let assumptions = istio.assumptions();
    let wake =
        assumptions.iter().find(|one| one.paths.contains(&"gateway.wake.floor")).expect("it has a range");
    assert_eq!(wake.paths, ["proxy.wake.floor", "gateway.wake.floor"]);
    assert!(shipped("none").assumes(&wake.identity) && shipped("linkerd").assumes(&wake.identity));
    let low = istio.assuming(&wake.identity, 0.0);
    for (path, quantity) in istio.numbers() {
        let expected = if wake.paths.contains(&path) { quantity.low } else { quantity.value };
        assert_eq!(value(&low, path), expected, "{path}");
    }
    assert_eq!(istio.assuming(&wake.identity, 0.5), istio);
}

#[test]
fn the_fingerprint_knows_values_and_ranges() {
    let istio = shipped("istio-sidecar");
    assert_eq!(istio.fingerprint(), shipped("istio-sidecar").fingerprint());
    let mut slower = istio.clone();
    slower.set("proxy.cpu.http1.outbound", "42.7us", None).expect("it can be set");
    assert_ne!(slower.fingerprint(), istio.fingerprint(), "the value is the same, its range is not");
}
