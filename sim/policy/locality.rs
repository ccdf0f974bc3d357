//! Envoy's preference for zones: levels that fail over, or shares by weight. Per client proxy and backend.
//!
//! Follows load_balancing_policies/common/load_balancer_impl.cc (`recalculatePerPriorityState`,
//! `recalculatePerPriorityPanic`, `recalculateLoadInTotalPanic`), its whole percents included, and Envoy's
//! documentation of locality weights. A level or zone is as healthy as 1.4 times its share of endpoints in rotation, 1 at
//! most. Levels get what they are healthy for, in order; a zone's weight is multiplied by its health. Levels are
//! Istio's: the caller's own zone, then those it fails over to, then all others. Linkerd has none of this.

use super::available::{Available, Candidates};
use crate::units::Ratio;
use crate::vocabulary::resilience::Locality;

/// Per cent by which a level has more endpoints than it needs: Envoy's overprovisioning factor.
const OVERPROVISIONING: u64 = 140;

/// The endpoints of a backend as a caller in one zone prefers them.
#[derive(Clone, Debug, PartialEq)]
pub struct Localities {
    groups: Vec<Group>,
    is_by_weight: bool,
    panic: Ratio,
    endpoints: usize,
}

/// A level, or a zone.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    /// Ascending.
    all: Vec<u32>,
    /// Those that are picked.
    used: Vec<u32>,
    /// Of a zone.
    weight: f64,
    /// Share of the calls, of the sum of all.
    share: f64,
}

impl Localities {
    /// As a caller in `zone` sees endpoints in these zones, all of them in rotation. While less than `panic` of a level
    /// is in rotation and no other can take over, all of it is used.
    pub fn new(locality: &Locality, zone: &str, zones: &[&str], panic: Ratio) -> Self {
        let (groups, is_by_weight) = match locality {
            Locality::Off => (levels(zones, |_| 0), false),
            Locality::Failover(order) => {
                let targets: Vec<&str> =
                    order.iter().filter(|(from, _)| from == zone).map(|(_, to)| to.as_str()).collect();
                let level = |other: &str| match targets.iter().position(|target| *target == other) {
                    _ if other == zone => 0,
                    Some(position) => position + 1,
                    None => targets.len() + 1,
                };
                (levels(zones, level), false)
            }
            Locality::Distribute(rules) => match rules.iter().find(|(from, _)| from == zone || from == "*") {
                Some((_, shares)) => (weighted(zones, shares), true),
                None => (levels(zones, |_| 0), false),
            },
        };
        let mut localities = Self { groups, is_by_weight, panic, endpoints: zones.len() };
        localities.refresh(&Available::all(zones.len() as u32));
        localities
    }

    /// Whether there is nothing to prefer: every endpoint is alike.
    pub fn is_flat(&self) -> bool {
        self.groups.len() == 1 && self.groups[0].all.len() == self.endpoints
    }

    /// How many groups of endpoints [`Self::choose`] chooses among.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// What is in rotation has changed.
    pub fn refresh(&mut self, available: &Available) {
        for group in &mut self.groups {
            group.used.clear();
            let kept = group.all.iter().copied().filter(|&endpoint| available.contains(endpoint));
            group.used.extend(kept);
        }
        let counts: Vec<(u64, u64)> =
            self.groups.iter().map(|group| (group.used.len() as u64, group.all.len() as u64)).collect();
        if self.is_by_weight {
            let sum = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
            let panics = panics(sum, self.panic) && health(sum) < 100;
            for (group, &count) in self.groups.iter_mut().zip(&counts) {
                let healthy = (OVERPROVISIONING * count.0) as f64 / (100 * count.1) as f64;
                group.share = group.weight * if panics { 1.0 } else { healthy.min(1.0) };
                group.use_all_if(panics);
            }
            return;
        }
        let (percents, panics) = loads(&counts, self.panic);
        for ((group, percent), panics) in self.groups.iter_mut().zip(percents).zip(panics) {
            group.share = percent as f64;
            group.use_all_if(panics);
        }
    }

    /// Endpoints to choose from for one call, ascending, and which group they are; `None` when none is in rotation.
    /// `drawn` is uniform in [0, 1).
    pub fn choose(&self, drawn: f64) -> Option<(usize, &[u32])> {
        let total: f64 = self.groups.iter().map(|group| group.share).sum();
        let mut rest = drawn * total;
        let found = self.groups.iter().position(|group| {
            rest -= group.share;
            rest < 0.0
        });
        let number = found.or(self.groups.iter().rposition(|group| group.share > 0.0))?;
        let used: &[u32] = &self.groups[number].used;
        (!used.is_empty()).then_some((number, used))
    }
}

impl Group {
    fn new(all: Vec<u32>, weight: f64) -> Self {
        Self { all, used: Vec::new(), weight, share: 0.0 }
    }

    fn use_all_if(&mut self, panics: bool) {
        if panics {
            self.used.clone_from(&self.all);
        }
    }
}

/// The endpoints by the level of their zone; a level without endpoints is none.
fn levels(zones: &[&str], level: impl Fn(&str) -> usize) -> Vec<Group> {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (endpoint, zone) in (0_u32..).zip(zones) {
        let level = level(zone);
        if groups.len() <= level {
            groups.resize_with(level + 1, Vec::new);
        }
        groups[level].push(endpoint);
    }
    groups.into_iter().filter(|all| !all.is_empty()).map(|all| Group::new(all, 1.0)).collect()
}

/// The endpoints of each zone that has a weight.
fn weighted(zones: &[&str], shares: &[(String, f64)]) -> Vec<Group> {
    let group = |(to, weight): &(String, f64)| {
        let all = (0_u32..).zip(zones).filter(|(_, zone)| *zone == to || to == "*");
        Group::new(all.map(|(endpoint, _)| endpoint).collect(), *weight)
    };
    shares.iter().map(group).filter(|group| !group.all.is_empty()).collect()
}

/// Health in whole per cent of a level with so many of so many endpoints.
const fn health((healthy, all): (u64, u64)) -> u64 {
    if all == 0 {
        return 0;
    }
    let percent = OVERPROVISIONING * healthy / all;
    if percent > 100 { 100 } else { percent }
}

fn panics((healthy, all): (u64, u64), panic: Ratio) -> bool {
    (healthy as f64) < panic.value() * all as f64
}

/// Per cent of the calls of each level with so many healthy of so many endpoints, and whether all of it is used.
fn loads(counts: &[(u64, u64)], panic: Ratio) -> (Vec<u64>, Vec<bool>) {
    let total = counts.iter().map(|&count| health(count)).sum::<u64>().min(100);
    let mut left = 100;
    let mut percents: Vec<u64> = counts
        .iter()
        .map(|&count| {
            let percent = (health(count) * 100).checked_div(total).unwrap_or(0).min(left);
            left -= percent;
            percent
        })
        .collect();
    // What is left over by rounding belongs to the first level that is healthy at all.
    let first = counts.iter().position(|&count| health(count) > 0).unwrap_or(0);
    percents[first] += left;
    let panics: Vec<bool> = counts.iter().map(|&count| total < 100 && panics(count, panic)).collect();
    if panics.iter().all(|&panics| panics) {
        let all: u64 = counts.iter().map(|count| count.1).sum();
        percents = counts.iter().map(|count| 100 * count.1 / all).collect();
        percents[0] += 100 - percents.iter().sum::<u64>();
    }
    (percents, panics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Uniform;
    use crate::kernel::rng::{Purpose, Stream};
    use proptest::prelude::*;

    fn percents(healthy: &[u64]) -> Vec<u64> {
        let counts: Vec<(u64, u64)> = healthy.iter().map(|&percent| (percent, 100)).collect();
        loads(&counts, Ratio::ZERO).0
    }

    #[test]
    fn levels_get_what_envoys_documentation_says() {
        for (healthy, expected) in [(100, 100), (72, 100), (71, 99), (50, 70), (25, 35), (0, 0)] {
            assert_eq!(percents(&[healthy, 100]), [expected, 100 - expected], "{healthy}");
        }
        for (healthy, expected) in [
            ([100, 100, 100], [100, 0, 0]),
            ([72, 72, 100], [100, 0, 0]),
            ([71, 71, 100], [99, 1, 0]),
            ([50, 50, 100], [70, 30, 0]),
            ([25, 100, 100], [35, 65, 0]),
            ([25, 25, 100], [35, 35, 30]),
            ([25, 25, 20], [37, 35, 28]),
        ] {
            assert_eq!(percents(&healthy), expected, "{healthy:?}");
        }
    }

    #[test]
    fn levels_panic_as_envoys_documentation_says() {
        let half = Ratio::new(0.5).expect("a ratio");
        let panics = |healthy: [u64; 2]| loads(&healthy.map(|percent| (percent, 100)), half);
        assert_eq!(panics([72, 72]), (vec![100, 0], vec![false, false]));
        assert_eq!(panics([71, 1]), (vec![99, 1], vec![false, false]), "99 and 1 are enough");
        assert_eq!(panics([50, 60]), (vec![70, 30], vec![false, false]));
        assert_eq!(panics([25, 75]), (vec![35, 65], vec![false, false]));
        assert_eq!(panics([5, 65]), (vec![8, 92], vec![true, false]));
        assert_eq!(panics([0, 0]), (vec![50, 50], vec![true, true]));
        assert_eq!(loads(&[(0, 30), (0, 90)], half).0, [25, 75], "by size");
    }

    const ZONES: [&str; 6] = ["a", "a", "b", "b", "c", "d"];

    fn choices(localities: &Localities) -> Vec<(Vec<u32>, u32)> {
        let mut uniform = Stream::new(1, Purpose(1), "zones", 0);
        let mut counts: Vec<(Vec<u32>, u32)> = Vec::new();
        for _ in 0..10_000 {
            let chosen = localities.choose(uniform.unit()).map_or(&[][..], |(_, chosen)| chosen);
            match counts.iter_mut().find(|(endpoints, _)| endpoints == chosen) {
                Some((_, count)) => *count += 1,
                None => counts.push((chosen.to_vec(), 1)),
            }
        }
        counts.sort();
        counts
    }

    #[test]
    fn callers_stay_in_their_zone_while_it_is_healthy() {
        let order = [("a", "c"), ("a", "b"), ("b", "d")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        let failover = Locality::Failover(order.to_vec());
        let mut localities = Localities::new(&failover, "a", &ZONES, Ratio::ZERO);
        assert_eq!(choices(&localities), [(vec![0, 1], 10_000)]);
        let mut available = Available::all(6);
        available.remove(0);
        localities.refresh(&available);
        // Half of the zone is good for 70 %; c takes over.
        let halved = choices(&localities);
        assert_eq!((&halved[0].0, &halved[1].0), (&vec![1], &vec![4]));
        assert!(halved[0].1.abs_diff(7000) < 200, "{halved:?}");
        for gone in [1, 4] {
            available.remove(gone);
        }
        localities.refresh(&available);
        assert_eq!(choices(&localities), [(vec![2, 3], 10_000)], "then b");
        for gone in [2, 3, 5] {
            available.remove(gone);
        }
        localities.refresh(&available);
        assert_eq!(choices(&localities), [(vec![], 10_000)]);
        let elsewhere = Localities::new(&failover, "z", &ZONES, Ratio::ZERO);
        assert!(elsewhere.is_flat(), "nobody is near");
    }

    #[test]
    fn weights_shrink_with_health_as_envoys_documentation_says() {
        let shares = vec![("x".to_owned(), 1.0), ("y".to_owned(), 2.0)];
        let distribute = Locality::Distribute(vec![("*".to_owned(), shares)]);
        let zones: Vec<&str> = (0..200).map(|endpoint| if endpoint < 100 { "x" } else { "y" }).collect();
        for (healthy, percent) in [(100, 33), (72, 33), (69, 32), (50, 26), (25, 15), (0, 0)] {
            let mut localities = Localities::new(&distribute, "a", &zones, Ratio::ZERO);
            let mut available = Available::all(200);
            for gone in healthy..100 {
                available.remove(gone);
            }
            localities.refresh(&available);
            let [x, y] = [0, 1].map(|group: usize| localities.groups[group].share);
            // The documentation rounds down here and up there.
            assert!((100.0 * x / (x + y) - f64::from(percent)).abs() < 1.0, "{healthy}");
        }
        let nowhere = Locality::Distribute(vec![("b".to_owned(), vec![("x".to_owned(), 1.0)])]);
        assert!(Localities::new(&nowhere, "a", &zones, Ratio::ZERO).is_flat());
        let only = Localities::new(&nowhere, "b", &zones, Ratio::ZERO);
        assert!(!only.is_flat() && choices(&only) == [((0..100).collect(), 10_000)], "one zone of two");
        let gone = Locality::Distribute(vec![("b".to_owned(), vec![("z".to_owned(), 1.0)])]);
        assert_eq!(choices(&Localities::new(&gone, "b", &zones, Ratio::ZERO)), [(vec![], 10_000)]);
    }

    proptest! {
        #[test]
        fn levels_share_the_whole(counts in prop::collection::vec((0_u64..20, 1_u64..20), 1..6), panic in 0.0..=1.0) {
            let counts: Vec<(u64, u64)> = counts.into_iter().map(|(healthy, all)| (healthy.min(all), all)).collect();
            let (percents, panics) = loads(&counts, Ratio::new(panic).expect("a ratio"));
            prop_assert_eq!(percents.iter().sum::<u64>(), 100);
            let healthy = counts.iter().any(|count| count.0 > 0);
            for ((percent, panics), count) in percents.iter().zip(panics).zip(&counts) {
                prop_assert!(!healthy || panics || *percent == 0 || count.0 > 0, "nobody calls a level without endpoints");
            }
        }
    }
}
