//! A profile's numbers drawn within their ranges: what is not known of a mesh, as a sample of meshes that could be.
//!
//! Half of the draws of a number lie below its value and half above, evenly up to the ends of its range (evenly in the
//! logarithm where the range spans more than a decade). The draws are a Latin hypercube: of N draws of a number one
//! lies in each of N equally likely strata, in an order of its own.
//!
//! What is one assumption is drawn once: numbers of one name, value and range have the same place in their ranges in
//! the same draw, in whatever role and profile they stand (the Envoy of the gateway and that of a sidecar started from
//! it), and so have the two sides of a call or a message when nobody told them apart. What meshes share then cancels in
//! their difference, and what does not, does not.

use std::collections::BTreeMap;

use crate::kernel::rng::{Purpose, Stream, Uniform as _, hash_name};

use super::parameters::ROLES;
use super::{Dimension, Parameter, Profile, Quantity, Row, Setting, table};

/// The order of the strata of an assumption, and the place within each.
const STRATA: Purpose = Purpose(100);

/// A range that spans more than this factor is drawn in the logarithm.
const DECADE: f64 = 10.0;

/// One number that is not known, wherever it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Assumption {
    /// What makes it one: name, value and range.
    pub identity: String,
    /// Where it stands in this profile, in the table's order.
    pub paths: Vec<&'static str>,
    /// What it is.
    pub meaning: &'static str,
    /// Value, range and source.
    pub quantity: Quantity,
}

impl Assumption {
    /// Whether it only says how telemetry is counted once a run is over: it moves nothing in the run.
    pub fn is_of_telemetry(&self) -> bool {
        let is_of_it = |path: &&str| {
            path.starts_with("prometheus.") || path.contains(".telemetry.") && !path.contains(".features.")
        };
        self.paths.iter().all(is_of_it)
    }
}

impl Profile {
    /// Every number with a range, each assumption once, in the table's order.
    pub fn assumptions(&self) -> Vec<Assumption> {
        let mut assumptions: Vec<Assumption> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (row, quantity) in self.ranges() {
            let identity = identity(row, quantity);
            if let Some(&position) = known.get(&identity) {
                assumptions[position].paths.push(&row.path);
                continue;
            }
            known.insert(identity.clone(), assumptions.len());
            let meaning = row.parameter.meaning;
            let quantity = quantity.clone();
            assumptions.push(Assumption { identity, paths: vec![&row.path], meaning, quantity });
        }
        assumptions
    }

    /// This profile as draw `number` of `count` has it.
    ///
    /// # Panics
    /// When there is no such draw.
    pub fn drawn(&self, seed: u64, number: u32, count: u32) -> Self {
        assert!(number < count, "draws are counted from 0");
        let mut places: BTreeMap<String, f64> = BTreeMap::new();
        self.placed(|row, quantity| {
            let identity = identity(row, quantity);
            let place =
                *places.entry(identity).or_insert_with_key(|identity| place(identity, seed, number, count));
            Some(place)
        })
    }

    /// This profile with one assumption at a place in its range: 0 is the low end, 1 the high one, ½ its value.
    pub fn assuming(&self, identity: &str, place: f64) -> Self {
        self.placed(|row, quantity| (self::identity(row, quantity) == identity).then_some(place))
    }

    /// Whether this profile has the assumption.
    pub fn assumes(&self, identity: &str) -> bool {
        self.ranges().any(|(row, quantity)| self::identity(row, quantity) == identity)
    }

    fn ranges(&self) -> impl Iterator<Item = (&'static Row, &Quantity)> {
        self.settings().filter_map(|(row, setting)| match setting {
            Setting::Number(quantity) if quantity.low < quantity.high => Some((row, quantity)),
            _ => None,
        })
    }

    /// With every number that `place` gives a place for moved there; its range stays what it was.
    fn placed(&self, mut place: impl FnMut(&Row, &Quantity) -> Option<f64>) -> Self {
        let mut moved = self.clone();
        for (row, setting) in table().rows().iter().zip(&mut moved.settings) {
            let Some(Setting::Number(quantity)) = setting else { continue };
            if quantity.low < quantity.high
                && let Some(place) = place(row, quantity)
            {
                quantity.value = value_at(quantity, row.parameter, place);
            }
        }
        moved
    }
}

/// The number at a place in (0, 1) of its range.
fn value_at(quantity: &Quantity, parameter: &Parameter, place: f64) -> f64 {
    let &Quantity { value, low, high, .. } = quantity;
    let (from, to, share) =
        if place < 0.5 { (low, value, 2.0 * place) } else { (value, high, 2.0 * place - 1.0) };
    let drawn = if low > 0.0 && high / low > DECADE {
        from * libm::pow(to / from, share)
    } else {
        from + (to - from) * share
    };
    let drawn = drawn.clamp(low, high);
    if parameter.dimension == Some(Dimension::Count) { drawn.round() } else { drawn }
}

/// The place of an assumption in draw `number`: a stratum of its own, and anywhere in it.
pub(crate) fn place(identity: &str, seed: u64, number: u32, count: u32) -> f64 {
    let mut stream = Stream::new(seed, STRATA, identity, 0);
    let mut strata: Vec<u32> = (0..count).collect();
    for last in (1..count).rev() {
        strata.swap(last as usize, stream.below(last + 1) as usize);
    }
    let within = Stream::new(seed, STRATA, identity, number + 1).unit();
    (f64::from(strata[number as usize]) + within) / f64::from(count)
}

/// Name, value and range, without the role in which the number stands nor the side that it is about.
fn identity(row: &Row, quantity: &Quantity) -> String {
    let path = row.path.as_str();
    let of_role = |(role, _): &(&str, _)| path.strip_prefix(role).and_then(|rest| rest.strip_prefix('.'));
    let name = ROLES.iter().find_map(of_role).unwrap_or(path);
    let name =
        [("outbound", "side"), ("inbound", "side"), ("request_bytes", "bytes"), ("response_bytes", "bytes")]
            .iter()
            .find_map(|(side, both)| Some(format!("{}{both}", name.strip_suffix(side)?)))
            .unwrap_or_else(|| name.to_owned());
    let Quantity { value, low, high, .. } = quantity;
    format!("{name} {value:e} {low:e} {high:e}")
}

impl Profile {
    /// Hash of every value, range and source, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        // Debug prints floats in the shortest form that reads back exactly; where a value was written does not count.
        let text = self.settings().fold(String::new(), |text, (row, setting)| {
            let provenance = setting.provenance();
            let range = match setting {
                Setting::Number(quantity) => {
                    format!("{:?} {:?} {:?}", quantity.value, quantity.low, quantity.high)
                }
                Setting::Word(word) => word.word.to_owned(),
            };
            format!(
                "{text}{} {range} {:?} {} {}\n",
                row.path, provenance.kind, provenance.source, provenance.date
            )
        });
        format!("{:016x}", hash_name(&text))
    }
}

#[cfg(test)]
mod tests;
